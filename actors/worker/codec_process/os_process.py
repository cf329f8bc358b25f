"""One codec process as its worker sees it: started, spoken to, killed (`Child.kill`).

Its end is the end of the process, whoever may still hold its end of the socket; whatever it has
started ends with it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psutil

from reelyard.actors.worker.codec_process.messages import (
    Configure,
    FromCodec,
    Reader,
    RunTask,
    ToCodec,
    encode,
)

FAMILY = "REELYARD_CODEC_FAMILY"
"""In the environment of a codec process and of all that it starts: a name of its own."""
LAST_WORDS_S = 0.5
"""What a process has written before its end is read within that time."""
STUCK_S = 10.0
"""A killed process that is not gone by then is stuck in the kernel."""

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CUDA_HOME")
"""What a codec process inherits of the environment: nothing that could hold a secret."""


@dataclass(frozen=True)
class ChildSpec:
    """How to start codec processes."""

    configure: Configure
    tmp_dir: Path
    """Where libraries put their temporary files."""
    threads: int = 1
    """The most that a library may start on its own."""
    cuda_devices: str | None = ""
    """CUDA_VISIBLE_DEVICES; empty: none, None: all."""

    def environment(self) -> dict[str, str]:
        """The whole environment of the process."""
        threads = str(self.threads)
        given = {name: os.environ[name] for name in _KEPT if name in os.environ}
        if self.cuda_devices is not None:
            given["CUDA_VISIBLE_DEVICES"] = self.cuda_devices
        return given | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYAV_LOGGING": "off",
            "SVT_LOG": "1",
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            # Arenas are address space, which is limited.
            "MALLOC_ARENA_MAX": "4",
            "TMPDIR": str(self.tmp_dir),
        }


@dataclass(frozen=True)
class Exit:
    """How a codec process ended."""

    returncode: int | None
    """As `subprocess` tells it: negative is a signal; None: it is stuck in the kernel."""

    @property
    def describe(self) -> str:
        """For people: `killed by SIGSEGV`, `exit status 1`."""
        if self.returncode is None:
            return "does not end"
        if self.returncode >= 0:
            return f"exit status {self.returncode}"
        with suppress(ValueError):
            return f"killed by {signal.Signals(-self.returncode).name}"
        return f"killed by signal {-self.returncode}"

    @property
    def out_of_cpu(self) -> bool:
        """Whether the kernel ended it for using too much CPU time."""
        return self.returncode == -signal.SIGXCPU


@dataclass
class Child(asyncio.Protocol):
    """A running codec process. `on_message` and `on_exit` are called in the event loop."""

    process: subprocess.Popen[bytes]
    family: str
    """What its environment and that of its children say, see `FAMILY`."""
    on_message: Callable[[Child, FromCodec], None]
    on_exit: Callable[[Child, Exit], None]
    born: float = field(default_factory=time.monotonic)
    ready: bool = False
    tasks: int = 0
    base_rss: int = 0
    killed: bool = False
    _transport: asyncio.Transport | None = None
    _exit: Exit | None = None
    _hung_up: bool = False
    _told: bool = False
    _unsent: list[bytes] = field(default_factory=list)
    _reader: Reader[FromCodec] = field(default_factory=lambda: Reader(FromCodec))

    def watch(self) -> None:
        """Notice its end, whoever still holds its end of the socket."""
        loop = asyncio.get_running_loop()
        # A thread, because Ray's event loops have no child watcher.
        threading.Thread(target=self._wait, args=[loop], name="codec-exit", daemon=True).start()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports don't derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.killed:
            # Whoever killed it has decided what becomes of its task.
            return
        try:
            messages = self._reader.feed(data)
        except ValueError:
            self.kill()
            return
        for message in messages:
            self.on_message(self, message)

    def connection_lost(self, _error: Exception | None) -> None:
        self._hung_up = True
        if self._exit is None:
            self.process.kill()
            asyncio.get_running_loop().call_later(STUCK_S, self._tell, Exit(None))
        else:
            self._tell(self._exit)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread of its own: reaping takes as long as the kernel needs to give back memory."""
        ended = Exit(self.process.wait())
        kill_family(self.family)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._ended, ended)

    def _ended(self, ended: Exit) -> None:
        self._exit = ended
        if self._hung_up or self.killed:
            self._tell(ended)
        elif self._transport is not None:
            # What it has left behind may hold the socket open.
            loop = asyncio.get_running_loop()
            loop.call_later(LAST_WORDS_S, self._transport.abort)

    def _tell(self, how: Exit) -> None:
        if not self._told:
            self._told = True
            self.close()
            self.on_exit(self, how)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def send(self, message: ToCodec) -> None:
        """Queue `message` for it; a process that is gone takes nothing."""
        if isinstance(message, RunTask):
            self.tasks += 1
        if not self._unsent:
            # Several messages of one turn of the loop make one system call.
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(encode(message))

    def _flush(self) -> None:
        data = b"".join(self._unsent)
        self._unsent.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def kill(self) -> None:
        """SIGKILL, for what it has started too. `on_exit` follows, `on_message` does not."""
        self.killed = True
        with suppress(RuntimeError):  # called from a thread without a loop
            asyncio.get_running_loop().call_later(STUCK_S, self._tell, Exit(None))
        family = descendants(self.process.pid)
        self.process.kill()
        for process in family:
            with suppress(psutil.Error):
                process.kill()

    def close(self) -> None:
        """Hang up: it ends by itself, or is killed."""
        if self._transport is not None:
            self._transport.close()

    def rss_bytes(self) -> int:
        """Its resident memory; 0 if it is gone."""
        try:
            return psutil.Process(self.pid).memory_info().rss
        except psutil.Error:
            return 0


def descendants(pid: int) -> list[psutil.Process]:
    """The children of a process, and theirs. They are stopped first: none is born meanwhile."""
    found: dict[int, psutil.Process] = {}
    try:
        process = psutil.Process(pid)
        process.suspend()
        while new := [p for p in process.children(recursive=True) if p.pid not in found]:
            for child in new:
                found[child.pid] = child
                with suppress(psutil.Error):
                    child.suspend()
    except psutil.Error:
        pass  # it is gone; `kill_family` finds what it has left
    return list(found.values())


def kill_family(family: str) -> None:
    """Kill what a codec process that has ended left behind, wherever it has gone: a child that has
    lost its parent, or has a session of its own, still has its environment."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(FAMILY) == family:
                process.kill()


async def spawn(
    spec: ChildSpec,
    on_message: Callable[[Child, FromCodec], None],
    on_exit: Callable[[Child, Exit], None],
) -> Child:
    """Start a codec process; its `Ready` comes as a message.

    Call it from a thread that lives as long as the worker: the process dies with that thread.
    """
    ours, theirs = socket.socketpair()
    try:
        family = secrets.token_hex(8)
        process = _start(spec, theirs.fileno(), family)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    ours.setblocking(False)
    child = Child(process, family, on_message, on_exit)
    child.watch()
    await asyncio.get_running_loop().create_unix_connection(lambda: child, sock=ours)
    child.send(spec.configure)
    return child


def _start(spec: ChildSpec, fd: int, family: str) -> subprocess.Popen[bytes]:
    # Not asyncio's subprocess: it wants a child watcher, which Ray's event loops lack.
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "reelyard.actors.worker.codec_process.main",
            str(fd),
            str(os.getpid()),
        ],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if _has_fd(sys.stderr) else subprocess.DEVNULL,
        pass_fds=(fd,),
        env=spec.environment() | {FAMILY: family},
        cwd=spec.tmp_dir,
    )


def _has_fd(stream: Any) -> bool:
    try:
        stream.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True
