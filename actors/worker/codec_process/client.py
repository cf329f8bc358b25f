"""The worker's side of the codec process: warm, reused, renewed, killed when it must be."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from subprocess import TimeoutExpired

import structlog

from actors.media.operation import MediaFile, Result
from actors.worker.codec_process.child import Child, ChildSpec, Exit, spawn
from actors.worker.codec_process.messages import (
    CancelTask,
    Failed,
    Finished,
    FromCodec,
    Progressed,
    Ready,
)
from actors.worker.codec_process.order import CodecOptions, Order
from cluster.errors import Cancelled, ReelyardError, Stalled, TimedOut, Unavailable, error_from_dict
from cluster.metrics import CODEC_ENDS

log = structlog.get_logger()

WINDOW = 16
"""Tasks that a codec process holds at a time, so that it never waits between short ones."""
MAX_FALSE_STARTS = 3
START_S = 60.0
"""A process that has not loaded its operations by then is ended."""


class CodecCrashed(Exception):
    """The codec process died under this task. `how`: by which signal or status."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class Codec:
    """Runs orders one after another in a codec process, starting processes as needed."""

    def __init__(self, spec: ChildSpec, options: CodecOptions, pool: str = "") -> None:
        self.spec = spec
        self.options = options
        self.pool = pool
        self.starts = 0
        self._child: Child | None = None
        self._spare: Child | None = None
        self._starting: asyncio.Task[None] | None = None
        self._waiting: deque[Order] = deque()
        self._sent: deque[Order] = deque()
        self._ids = 0
        self._head_since = 0.0
        self._last_sign = 0.0
        self._last_rss_check = 0.0
        self._false_starts = 0
        self._retire_for: str | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._closed = False
        self._context = copy_context()

    # --- for the worker ---

    def warm(self) -> None:
        """Start a process now, so that the first task need not wait for it."""
        self._pump()

    async def run(self, order: Order) -> Result:
        """Run `order` after those before it.

        Raises the operation's error; `CodecCrashed` if the process died under it; `Stalled`,
        `TimedOut`. Cancelling the caller stops the work, within `cancel_grace_s` or by force,
        before the cancellation goes on.
        """
        self._ids += 1
        order.id = self._ids
        self._waiting.append(order)
        self._pump()
        try:
            return await asyncio.shield(order.done)
        except asyncio.CancelledError:
            self._stop(order)
            while not order.done.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([order.done])
            order.done.exception()
            raise

    @property
    def head(self) -> Order | None:
        """The order that runs now."""
        return self._sent[0] if self._sent else None

    def head_s(self) -> float:
        """For how long the head has been running."""
        return time.monotonic() - self._head_since if self._sent else 0.0

    @property
    def pid(self) -> int | None:
        """The process in use."""
        return self._child.pid if self._child else None

    def kill_now(self) -> None:
        """Kill the processes from any thread, when no time is left for `close`."""
        self._closed = True
        for child in (self._child, self._spare):
            if child is not None:
                child.kill()

    async def close(self) -> None:
        """End the processes; what runs is lost."""
        self._closed = True
        if self._watcher is not None:
            self._watcher.cancel()
        if self._starting is not None:
            self._starting.cancel()
            with suppress(asyncio.CancelledError):
                await self._starting
        for child in (self._child, self._spare):
            if child is not None:
                child.kill()
                child.close()
                with suppress(TimeoutExpired):
                    await asyncio.to_thread(child.process.wait, 10)
        self._fail_all(Cancelled())

    # --- the flow ---

    def _pump(self) -> None:
        if self._closed:
            return
        child = self._child
        if child is None:
            # Processes that can't start are tried again only when there is something to do.
            if self._waiting or not self._false_starts:
                self._start_child()
            return
        if self._retire_for is not None:
            self._swap(child)
            return
        while child.ready and self._waiting and len(self._sent) < WINDOW:
            order = self._waiting.popleft()
            if not self._sent:
                self._head_since = self._last_sign = time.monotonic()
            order.sent = True
            self._sent.append(order)
            child.send(order.message(self.options.cpu_s))
        if self._sent and (self._watcher is None or self._watcher.done()):
            self._watcher = self._apart(self._watch())

    def _start_child(self) -> None:
        if self._starting is None or self._starting.done():
            self._starting = self._apart(self._spawn())

    def _apart(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """A task that outlives the job which happens to start it: its log lines are not that
        job's."""
        loop = asyncio.get_running_loop()
        return loop.create_task(work, context=self._context.copy())

    async def _spawn(self) -> None:
        if self._false_starts:
            await asyncio.sleep(min(5.0, 0.2 * 2**self._false_starts))
        try:
            child = await spawn(self.spec, self._on_message, self._on_exit)
        except OSError as error:
            self._false_starts += 1
            self._fail_all(Unavailable("the codec process can't be started", internal=repr(error)))
            return
        self.starts += 1
        asyncio.get_running_loop().call_later(START_S, _expect_ready, child)
        if self._child is None:
            self._child = child
        else:
            self._spare = child

    def _on_message(self, child: Child, message: FromCodec) -> None:
        match message:
            case Ready():
                child.ready = True
                child.base_rss = child.rss_bytes()
                self._false_starts = 0
            case Progressed():
                self._note(child, message)
                return
            case Failed(id=0):
                self._false_starts = MAX_FALSE_STARTS
                self._fail_all(_error_of(message))
                child.kill()
            case Failed():
                if message.worn:
                    self._retire("memory")
                self._settle(child, message.id, _error_of(message))
            case Finished():
                self._settle(child, message.id, _result_of(message))
        self._pump()

    def _note(self, child: Child, message: Progressed) -> None:
        order = self.head
        if child is not self._child or order is None or order.id != message.id:
            return
        progress = order.progress
        if message.ticks != progress.ticks:
            self._last_sign = time.monotonic()
        progress.phase, progress.ticks = message.phase, message.ticks
        progress.done_s, progress.total_s = message.done_s, message.total_s
        progress.fraction = message.fraction

    def _settle(self, child: Child, order_id: int, outcome: Result | ReelyardError) -> None:
        if child is not self._child or not self._sent or self._sent[0].id != order_id:
            return
        order = self._sent.popleft()
        now = time.monotonic()
        order.run_s = now - self._head_since
        self._head_since = self._last_sign = now
        self._conclude(order, outcome)
        self._wear(child, now)

    @staticmethod
    def _conclude(order: Order, outcome: Result | Exception) -> None:
        if order.done.done():
            return
        if isinstance(outcome, Result):
            order.done.set_result(outcome)
        else:
            order.done.set_exception(outcome)
            # Nobody may be left to look at it.
            order.done.exception()

    # --- renewal ---

    def _wear(self, child: Child, now: float) -> None:
        if self._retire_for is not None:
            return
        if child.tasks >= self.options.max_tasks and now - child.born >= self.options.least_life_s:
            self._retire("tasks")
        elif now - self._last_rss_check >= 1.0:
            self._last_rss_check = now
            if child.rss_bytes() - child.base_rss > self.options.max_growth_bytes:
                self._retire("growth")

    def _retire(self, reason: str) -> None:
        if self._retire_for is None:
            self._retire_for = reason
            self._start_child()

    def _swap(self, child: Child) -> None:
        if self._sent or self._spare is None or not self._spare.ready:
            return
        reason, self._retire_for = self._retire_for, None
        self._child, self._spare = self._spare, None
        CODEC_ENDS.add(pool=self.pool, reason=reason or "")
        log.info("codec_process_renewed", reason=reason, tasks=child.tasks, pid=child.pid)
        child.close()
        self._pump()

    # --- ends by force ---

    def _stop(self, order: Order) -> None:
        if order.done.done():
            return
        if not order.sent:
            self._waiting.remove(order)
            self._conclude(order, Cancelled())
            return
        if self._child is not None:
            self._child.send(CancelTask(id=order.id))
        loop = asyncio.get_running_loop()
        loop.call_later(self.options.cancel_grace_s, self._insist, order)

    def _insist(self, order: Order) -> None:
        if order.done.done() or self._closed:
            return
        if order is self.head and self.head_s() >= self.options.cancel_grace_s:
            self._kill_head(Cancelled(), "cancel")
        elif not order.sent:
            self._stop(order)
        else:
            # It has not begun yet and is skipped when its turn comes.
            asyncio.get_running_loop().call_later(0.05, self._insist, order)

    def _kill_head(self, error: ReelyardError, reason: str) -> None:
        if self._child is None or self.head is None:
            return
        self.head.killed_for = error
        CODEC_ENDS.add(pool=self.pool, reason=reason)
        log.warning(
            "codec_process_killed",
            reason=reason,
            pid=self._child.pid,
            operation=self.head.operation,
            job_id=self.head.job_id,
        )
        self._child.kill()
        if self._spare is None:
            self._start_child()

    async def _watch(self) -> None:
        options = self.options
        beat = min(0.25, options.stall_s / 4, options.task_s / 4)
        while self._sent:
            await asyncio.sleep(beat)
            head = self.head
            if head is None or head.killed_for is not None:
                continue
            now = time.monotonic()
            if now - self._head_since > options.task_s:
                self._kill_head(TimedOut(f"{head.operation}: {_over(options.task_s)}"), "timeout")
            elif now - self._last_sign > options.stall_s:
                text = f"{head.operation}: no progress for {options.stall_s:g} s"
                self._kill_head(Stalled(text), "stall")

    def _on_exit(self, child: Child, how: Exit) -> None:
        if self._closed:
            return
        if child is self._spare:
            self._lose_spare()
            return
        if child is not self._child:
            return
        self._child = None
        if self._spare is not None:
            self._child, self._spare = self._spare, None
        self._retire_for = None
        if not child.ready:
            self._false_start(how)
        elif self._sent:
            self._bury(self._sent.popleft(), how)
        # Those behind it had not begun.
        for order in reversed(self._sent):
            order.sent = False
            self._waiting.appendleft(order)
        self._sent.clear()
        self._pump()

    def _lose_spare(self) -> None:
        self._spare = None
        self._false_starts += 1
        if self._false_starts < MAX_FALSE_STARTS:
            self._start_child()
        else:
            # Better a worn process than none.
            self._retire_for = None
            self._pump()

    def _bury(self, order: Order, how: Exit) -> None:
        order.run_s = time.monotonic() - self._head_since
        if order.killed_for is not None:
            self._conclude(order, order.killed_for)
        elif how.out_of_cpu:
            self._conclude(order, TimedOut(f"{order.operation}: used too much CPU time"))
        else:
            CODEC_ENDS.add(pool=self.pool, reason="crash")
            log.error(
                "codec_process_crashed",
                how=how.describe,
                operation=order.operation,
                job_id=order.job_id,
            )
            self._conclude(order, CodecCrashed(how.describe))

    def _false_start(self, how: Exit) -> None:
        self._false_starts += 1
        log.error("codec_process_did_not_start", how=how.describe, times=self._false_starts)
        if self._false_starts >= MAX_FALSE_STARTS:
            self._fail_all(Unavailable(f"the codec process does not start: {how.describe}"))

    def _fail_all(self, error: ReelyardError) -> None:
        for order in (*self._sent, *self._waiting):
            self._conclude(order, error)
        self._sent.clear()
        self._waiting.clear()


def _expect_ready(child: Child) -> None:
    if not child.ready:
        child.kill()


def _over(seconds: float) -> str:
    return f"took longer than the {seconds:g} s allowed"


def _error_of(message: Failed) -> ReelyardError:
    error = error_from_dict(message.error)
    error.internal = message.internal
    return error


def _result_of(message: Finished) -> Result:
    files = [
        MediaFile(Path(file.path), file.kind, file.facts, file.content_type)
        for file in message.files
    ]
    return Result(files=files, data=message.data)
