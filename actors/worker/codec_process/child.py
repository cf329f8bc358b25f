"""One codec process as its worker sees it: started, spoken to, killed (`Child.kill`)."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psutil

from actors.worker.codec_process.messages import (
    Configure,
    FromCodec,
    Reader,
    RunTask,
    ToCodec,
    encode,
)

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CUDA_HOME")
"""What a codec process inherits of the environment: nothing that could hold a secret."""


@dataclass(frozen=True)
class ChildSpec:
    """How to start codec processes."""

    configure: Configure
    tmp_dir: Path
    """Where libraries put their temporary files."""
    cuda_devices: str | None = ""
    """CUDA_VISIBLE_DEVICES; empty: none, None: all."""

    def environment(self) -> dict[str, str]:
        """The whole environment of the process."""
        threads = str(self.configure.threads)
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
    on_message: Callable[[Child, FromCodec], None]
    on_exit: Callable[[Child, Exit], None]
    born: float = field(default_factory=time.monotonic)
    ready: bool = False
    tasks: int = 0
    base_rss: int = 0
    killed: bool = False
    _transport: asyncio.Transport | None = None
    _unsent: list[bytes] = field(default_factory=list)
    _reader: Reader[FromCodec] = field(default_factory=lambda: Reader(FromCodec))

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
        self.process.kill()
        # Reaping takes as long as the kernel needs to give back the memory.
        task = asyncio.ensure_future(asyncio.to_thread(self._reap))
        task.add_done_callback(self._reaped)

    def _reaped(self, task: asyncio.Task[Exit]) -> None:
        if not task.cancelled():
            self.on_exit(self, task.result())

    def _reap(self) -> Exit:
        try:
            return Exit(self.process.wait(timeout=10))
        except subprocess.TimeoutExpired:
            return Exit(None)

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
        family = self._descendants()
        self.process.kill()
        for process in family:
            with suppress(psutil.Error):
                process.kill()

    def _descendants(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.Error:
            return []

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
        process = _start(spec, theirs.fileno())
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    ours.setblocking(False)
    child = Child(process, on_message, on_exit)
    await asyncio.get_running_loop().create_unix_connection(lambda: child, sock=ours)
    child.send(spec.configure)
    return child


def _start(spec: ChildSpec, fd: int) -> subprocess.Popen[bytes]:
    # Not asyncio's subprocess: it wants a child watcher, which Ray's event loops lack.
    return subprocess.Popen(
        [sys.executable, "-m", "actors.worker.codec_process.main", str(fd), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if _has_fd(sys.stderr) else subprocess.DEVNULL,
        pass_fds=(fd,),
        env=spec.environment(),
        cwd=spec.tmp_dir,
    )


def _has_fd(stream: Any) -> bool:
    try:
        stream.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True
