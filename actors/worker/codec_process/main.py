"""The codec process: runs operations, one after another, for the worker that started it.

`python -m reelyard.actors.worker.codec_process.main FD PARENT_PID`, where FD is one end of a socket
pair. The main thread listens, one thread runs the operations, one reports progress. It is
expendable: a worker kills it whenever it has to, and it dies with its worker.
"""

from __future__ import annotations

import errno
import os
import queue
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from reelyard.actors.media.catalogue import find_operation, load_operations
from reelyard.actors.media.operation import Operation, Progress, Result, Source, Work, check_result
from reelyard.actors.worker.codec_process import limits
from reelyard.actors.worker.codec_process.memory import release
from reelyard.actors.worker.codec_process.messages import (
    CancelTask,
    Configure,
    Failed,
    Finished,
    FromCodec,
    OutFile,
    Progressed,
    Reader,
    Ready,
    RunTask,
    ToCodec,
    encode,
)
from reelyard.cluster.errors import Cancelled, LimitExceeded, ReelyardError, StorageFull
from reelyard.cluster.readable_text import traceback_text

REPORT_S = 0.25
SWITCH_S = 0.0005
"""Python's default lets a busy thread hold up PyAV's for 5 ms a call."""

_FULL = {errno.ENOSPC, errno.EDQUOT}


class CodecServer:
    """The running process, seen from inside."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sending = threading.Lock()
        self._tasks: queue.SimpleQueue[RunTask] = queue.SimpleQueue()
        self._turn = threading.Lock()
        """Held where a task begins, or is given up before it does."""
        self._waiting: set[int] = set()
        self._running: tuple[int, Progress] | None = None
        self._config: Configure | None = None

    def serve(self) -> None:
        """Listen until the worker hangs up."""
        reader: Reader[ToCodec] = Reader(ToCodec)
        while data := self._sock.recv(1 << 18):
            for message in reader.feed(data):
                self._handle(message)

    def _handle(self, message: ToCodec) -> None:
        match message:
            case Configure():
                self._start(message)
            case RunTask():
                self._waiting.add(message.id)
                self._tasks.put(message)
            case CancelTask(id=task_id):
                self._cancel(task_id)

    def _cancel(self, task_id: int) -> None:
        """At once, whether the task runs or waits behind another."""
        with self._turn:
            waits = task_id in self._waiting
            self._waiting.discard(task_id)
            if not waits and self._running is not None and self._running[0] == task_id:
                self._running[1].cancelled.set()
        if waits:
            self._send(_failed(task_id, Cancelled()))

    def _start(self, config: Configure) -> None:
        self._config = config
        limits.apply_limits(config.memory_bytes, config.file_bytes)
        try:
            operations = load_operations(config.operations)
        except ReelyardError as error:
            self._send(Failed(id=0, error=error.as_dict(), internal=str(error.__cause__)))
            return
        release()
        for body in (self._work, self._report):
            threading.Thread(target=body, daemon=True).start()
        self._send(Ready(operations=len(operations)))

    def _work(self) -> None:
        assert self._config is not None
        while True:
            task, progress = self._tasks.get(), Progress()
            with self._turn:
                if task.id not in self._waiting:
                    continue
                self._waiting.discard(task.id)
                self._running = (task.id, progress)
            began = time.monotonic()
            self._send(self._run(task, self._config, progress))
            release(time.monotonic() - began)

    def _report(self) -> None:
        sent: tuple[int, int] = (0, 0)
        while True:
            time.sleep(REPORT_S)
            running = self._running
            if running is None or sent == (running[0], running[1].ticks):
                continue
            task_id, progress = running
            sent = (task_id, progress.ticks)
            self._send(
                Progressed(
                    id=task_id,
                    phase=progress.phase,
                    done_s=progress.done_s,
                    total_s=progress.total_s,
                    fraction=progress.fraction,
                    ticks=progress.ticks,
                )
            )

    def _run(self, task: RunTask, config: Configure, progress: Progress) -> Finished | Failed:
        try:
            limits.allow_cpu(task.cpu_s)
            return self._finished(task, _run_operation(task, config, progress))
        except ReelyardError as error:
            return _failed(task.id, error)
        except MemoryError:
            limit = config.memory_bytes >> 20
            refusal = LimitExceeded(f"processing needs more than the {limit} MiB of memory allowed")
            return Failed(id=task.id, error=refusal.as_dict(), worn=True)
        except BaseException as error:  # noqa: BLE001  an operation may raise anything
            # A `sys.exit()` or a panic of Rust code, too: it would end this thread unheard.
            return _unexpected(task, config, error)
        finally:
            self._running = None

    def _finished(self, task: RunTask, result: Result) -> Finished:
        check_result(task.operation, result, Path(task.out_dir))
        files = [OutFile(str(file.path), file.kind, file.facts, file.mime) for file in result.files]
        return Finished(id=task.id, files=files, data=result.data)

    def _send(self, message: FromCodec) -> None:
        try:
            data = encode(message)
        except (TypeError, ValueError, OverflowError) as error:
            assert isinstance(message, Finished)
            known = ReelyardError(
                "the operation gave a result that can't be stored", details=_told(error)
            )
            data = encode(Failed(message.id, known.as_dict(), internal=repr(error)))
        try:
            with self._sending:
                self._sock.sendall(data)
        except OSError:
            os._exit(0)


def _failed(task_id: int, error: ReelyardError) -> Failed:
    return Failed(id=task_id, error=error.as_dict(), internal=error.internal)


def _run_operation(task: RunTask, config: Configure, progress: Progress) -> Result:
    op: Operation = find_operation(task.operation)
    work: Work[Any] = Work(
        inputs=[Source(Path(path), name) for path, name in task.inputs],
        params=op.parse(task.params),
        out_dir=Path(task.out_dir),
        threads=task.threads,
        limits=config.limits,
        progress=progress,
    )
    return op.run(work)


def _unexpected(task: RunTask, config: Configure, error: BaseException) -> Failed:
    code = error.errno if isinstance(error, OSError) else None
    known: ReelyardError
    if code in _FULL:
        known = StorageFull("the worker's disk is full")
    elif code == errno.EFBIG:
        known = LimitExceeded(f"the output would exceed {config.file_bytes} bytes")
    else:
        known = ReelyardError(
            f"the operation {task.operation!r} failed unexpectedly", details=_told(error)
        )
    return Failed(id=task.id, error=known.as_dict(), internal=traceback.format_exc())


def _told(error: BaseException) -> dict[str, Any]:
    """What the author of an operation needs to mend it; who may read it is decided elsewhere."""
    return {"traceback": traceback_text(error, without=__file__)}


def main() -> None:
    """Entry point."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    limits.die_with_parent(int(sys.argv[2]))
    sys.setswitchinterval(SWITCH_S)
    try:
        CodecServer(sock).serve()
    finally:
        # A codec's own threads may still be busy; nobody waits for them.
        os._exit(0)


if __name__ == "__main__":
    main()
