"""Operations that misbehave on purpose: loaded by codec processes in tests.

They are light unless told otherwise, so that every pool of a test engine may run them.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import Literal

from pydantic import Field

from reelyard.actors.media.catalogue import operation
from reelyard.actors.media.operation import MediaFile, Params, Result, Work
from reelyard.cluster.errors import CorruptMedia


class TrialParams(Params):
    """Do something that media work should not do."""

    act: Literal[
        "nothing",
        "write",
        "pid",
        "sleep",
        "hang",
        "die",
        "die_once",
        "eat",
        "fill",
        "file",
        "raise",
        "exit",
        "corrupt",
        "burn",
        "env",
        "leak",
        "ring",
        "lie",
        "odd",
        "count",
        "full",
        "leave",
        "spawn",
        "modules",
    ] = "nothing"
    seconds: float = Field(0.0, ge=0)
    megabytes: int = Field(0, ge=0)
    flag: str = ""
    """A file that remembers across attempts."""
    lane: Literal["light", "cpu"] = "light"


_leaked: list[bytearray] = []


@operation("trial", params=TrialParams, lane=lambda params: params.lane, kind="data", inputs=(0, 4))
def trial(work: Work[TrialParams]) -> Result:
    """One of the acts below."""
    return _ACTS[work.params.act](work)


def _nothing(_: Work[TrialParams]) -> Result:
    return Result(data={"ok": True})


def _write(work: Work[TrialParams]) -> Result:
    path = work.out_dir / "out.txt"
    path.write_text("written")
    return Result(files=[MediaFile(path, "data", {"frames": 3})], data={"pid": os.getpid()})


def _pid(work: Work[TrialParams]) -> Result:
    return Result(data={"pid": os.getpid(), "threads": work.threads})


def _sleep(work: Work[TrialParams]) -> Result:
    end = time.monotonic() + work.params.seconds
    while (left := end - time.monotonic()) > 0:
        done = work.params.seconds - left
        work.progress("encode", done_s=done, total_s=work.params.seconds)
        time.sleep(min(0.02, max(0.0, left)))
    if work.params.flag:
        with Path(work.params.flag).open("a") as file:
            file.write(f"{os.getpid()}\n")
    return Result(data={"pid": os.getpid()})


def _hang(work: Work[TrialParams]) -> Result:
    time.sleep(work.params.seconds or 3600)
    return Result()


def _die(_: Work[TrialParams]) -> Result:
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(10)
    return Result()


def _die_once(work: Work[TrialParams]) -> Result:
    flag = Path(work.params.flag)
    if not flag.exists():
        flag.write_text("died")
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(10)
    return Result(data={"pid": os.getpid()})


def _eat(work: Work[TrialParams]) -> Result:
    hoard = [bytearray(16 << 20) for _ in range(work.params.megabytes // 16)]
    return Result(data={"ate": len(hoard)})


def _leak(work: Work[TrialParams]) -> Result:
    _leaked.append(bytearray(os.urandom(1 << 20) * work.params.megabytes))
    return Result(data={"pid": os.getpid()})


class _Ring:
    def __init__(self) -> None:
        self.me = self


_rings: weakref.WeakSet[_Ring] = weakref.WeakSet()


def _ring(_: Work[TrialParams]) -> Result:
    alive = len(_rings)
    _rings.add(_Ring())
    return Result(data={"alive": alive, "frozen": gc.get_freeze_count()})


def _fill(work: Work[TrialParams]) -> Result:
    with (work.out_dir / "big.bin").open("wb") as file:
        for _ in range(work.params.megabytes):
            file.write(b"x" * (1 << 20))
    return Result(data={"wrote": work.params.megabytes})


def _file(work: Work[TrialParams]) -> Result:
    return Result(data={"text": work.input.path.read_text(), "name": work.input.name})


def _exit(_: Work[TrialParams]) -> Result:
    sys.exit(3)


def _raise(_: Work[TrialParams]) -> Result:
    raise RuntimeError("a secret inner detail")


def _corrupt(_: Work[TrialParams]) -> Result:
    raise CorruptMedia("clip.mp4: no frames", details={"frames": 0})


def _burn(work: Work[TrialParams]) -> Result:
    end = time.monotonic() + work.params.seconds
    while time.monotonic() < end:
        work.progress("encode", fraction=0.1)
    return Result()


def _env(_: Work[TrialParams]) -> Result:
    libc = ctypes.CDLL(None)
    return Result(data={"env": dict(os.environ), "no_new_privs": libc.prctl(39, 0, 0, 0, 0)})


def _lie(work: Work[TrialParams]) -> Result:
    return Result(files=[MediaFile(work.out_dir / "missing.mp4", "video")])


def _odd(_: Work[TrialParams]) -> Result:
    return Result(data={"thing": object()})


def _count(work: Work[TrialParams]) -> Result:
    with Path(work.params.flag).open("a") as file:
        file.write("x")
    return Result()


def _full(_: Work[TrialParams]) -> Result:
    with Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"x")
    return Result()


def _leave(work: Work[TrialParams]) -> Result:
    """Leave a child that holds every descriptor of this process and has a session of its own, then
    hang, or die at once."""
    if (pid := os.fork()) == 0:
        os.setsid()
        if os.fork() == 0:
            Path(work.params.flag).write_text(str(os.getpid()))
            time.sleep(3600)
        os._exit(0)
    os.waitpid(pid, 0)
    while not Path(work.params.flag).exists():
        time.sleep(0.01)
    return _die(work) if work.params.megabytes else _hang(work)


def _spawn(work: Work[TrialParams]) -> Result:
    with subprocess.Popen(["sleep", "3600"]) as child:
        Path(work.params.flag).write_text(str(child.pid))
        child.wait()
    return Result()


def _modules(_: Work[TrialParams]) -> Result:
    return Result(data={"packages": sorted({name.partition(".")[0] for name in sys.modules})})


_ACTS = {
    "nothing": _nothing,
    "write": _write,
    "pid": _pid,
    "sleep": _sleep,
    "hang": _hang,
    "die": _die,
    "die_once": _die_once,
    "eat": _eat,
    "leak": _leak,
    "ring": _ring,
    "fill": _fill,
    "file": _file,
    "raise": _raise,
    "exit": _exit,
    "corrupt": _corrupt,
    "burn": _burn,
    "env": _env,
    "lie": _lie,
    "odd": _odd,
    "count": _count,
    "full": _full,
    "leave": _leave,
    "spawn": _spawn,
    "modules": _modules,
}
