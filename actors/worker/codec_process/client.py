"""The worker's side of its codec process: orders run one after another, and stopped by force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context

import structlog

from reelyard.actors.media.operation import Result
from reelyard.actors.worker.codec_process.messages import (
    CancelTask,
    Failed,
    Finished,
    FromCodec,
    Progressed,
)
from reelyard.actors.worker.codec_process.options import CodecOptions
from reelyard.actors.worker.codec_process.order import Order, OrderQueue
from reelyard.actors.worker.codec_process.os_process import Child, ChildSpec, Exit
from reelyard.actors.worker.codec_process.overruns import Watchdog
from reelyard.actors.worker.codec_process.supervisor import CodecSupervisor
from reelyard.cluster.errors import Cancelled, ReelyardError, TimedOut
from reelyard.cluster.metrics import CODEC_ENDS

log = structlog.get_logger()

LOOK_AGAIN_S = 0.05
"""Between two looks whether a cancelled order's turn has come."""


class CodecCrashed(Exception):
    """The codec process died under this task. `how`: by which signal or status."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class CodecClient:
    """Runs orders one after another in a codec process, which it starts when it is needed."""

    def __init__(
        self,
        spec: ChildSpec,
        options: CodecOptions,
        pool: str = "",
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_ready` is called when a process may have become ready."""
        self._on_ready = on_ready
        self._options = options
        self._pool = pool
        self._orders = OrderQueue()
        self._supervisor = CodecSupervisor(spec, options, pool, self)
        self._watchdog = Watchdog(options.stall_s, options.task_s)
        self._watcher: asyncio.Task[None] | None = None
        self._closed = False
        self._context = copy_context()

    # --- for the worker ---

    def warm(self) -> None:
        """Start a process now, so that the first task need not wait for it."""
        self._send_waiting()

    async def run(self, order: Order) -> Result:
        """Run `order` after those before it.

        Raises the operation's error; `CodecCrashed` if the process died under it; `Stalled`,
        `TimedOut`. Cancelling the caller stops the work, within `cancel_grace_s` or by force,
        before the cancellation goes on.
        """
        self.add(order)
        return await order.outcome(self.stop)

    def add(self, order: Order) -> None:
        """Run `order` after those before it; see to its outcome by `Order.outcome`."""
        self._orders.add(order)
        self._send_waiting()

    def stop(self, order: Order) -> None:
        """Stop an order, within `cancel_grace_s` or by force; one that has ended stays as it is."""
        if order.done.done():
            return
        order.stopped = True
        if not order.sent:
            self._orders.withdraw(order)
            order.conclude(Cancelled())
            return
        if self._supervisor.current is not None:
            self._supervisor.current.send(CancelTask(id=order.id))
        loop = asyncio.get_running_loop()
        loop.call_later(self._options.cancel_grace_s, self._insist, order)

    def recall(self, order: Order) -> None:
        """Take back an order that waits behind another: it comes back by `Order.come_back`, unless
        it is done all the same."""
        order.recalled = True
        if not order.sent:
            self._orders.withdraw(order)
            order.come_back()
        elif self._supervisor.current is not None:
            self._supervisor.current.send(CancelTask(id=order.id))

    @property
    def running(self) -> Order | None:
        """The order that runs now."""
        return self._orders.head

    def running_s(self) -> float:
        """For how long it has been running; 0: none does."""
        return self._watchdog.running_s() if self._orders.head else 0.0

    @property
    def ready(self) -> bool:
        """Whether an order would begin at once."""
        current = self._supervisor.current
        return current is not None and current.ready

    @property
    def pid(self) -> int | None:
        """The process in use."""
        current = self._supervisor.current
        return current.pid if current else None

    @property
    def starts(self) -> int:
        """How many processes were started so far."""
        return self._supervisor.starts

    def kill_now(self) -> None:
        """Kill the processes from any thread, when no time is left for `close`."""
        self._closed = True
        self._supervisor.kill_now()

    async def close(self) -> None:
        """End the processes; what runs is lost."""
        self._closed = True
        if self._watcher is not None:
            self._watcher.cancel()
        await self._supervisor.close()
        self._fail_all(Cancelled())

    # --- what the process and its supervisor tell ---

    def on_available(self) -> None:
        self._send_waiting()
        self._on_ready()

    def on_message(self, child: Child, message: FromCodec) -> None:
        if not self._supervisor.hears(child, message):
            return
        match message:
            case Progressed():
                self._note(message)
                return
            case Finished():
                self._settle(message.id, message.as_result())
            case Failed():
                self._settle(message.id, message.as_error())
        self._send_waiting()

    def on_exit(self, how: Exit) -> None:
        head = self._orders.lose_process()
        if head is not None:
            self._bury(head, how)
        self._send_waiting()

    def on_unavailable(self, error: ReelyardError) -> None:
        self._fail_all(error)

    # --- the flow of orders ---

    def _send_waiting(self) -> None:
        if self._closed:
            return
        orders = self._orders
        child = self._supervisor.available(busy=orders.head is not None, wanted=orders.waits)
        if child is None:
            return
        while (order := orders.send_next()) is not None:
            if order is orders.head:
                self._watchdog.task_begins()
            child.send(order.message(self._options.cpu_s))
        if orders.head is not None and (self._watcher is None or self._watcher.done()):
            # It outlives the job which happens to start it: its log lines are not that job's.
            self._watcher = asyncio.get_running_loop().create_task(
                self._watch(), context=self._context.copy()
            )

    def _note(self, message: Progressed) -> None:
        order = self._orders.head
        if order is None or order.id != message.id:
            return
        progress = order.progress
        if message.ticks != progress.ticks:
            self._watchdog.task_progresses()
        progress.phase, progress.ticks = message.phase, message.ticks
        progress.done_s, progress.total_s = message.done_s, message.total_s
        progress.fraction = message.fraction

    def _settle(self, order_id: int, outcome: Result | ReelyardError) -> None:
        head = self._orders.head
        order = self._orders.finish(order_id)
        if order is None:
            return
        if order is head:
            order.run_s = self._watchdog.running_s()
            self._watchdog.task_begins()
        if order.recalled and not order.stopped and isinstance(outcome, Cancelled):
            order.come_back()
        else:
            order.conclude(outcome)

    def _bury(self, order: Order, how: Exit) -> None:
        order.run_s = self._watchdog.running_s()
        if order.killed_for is not None:
            order.conclude(order.killed_for)
        elif how.out_of_cpu:
            order.conclude(TimedOut(f"{order.operation}: used too much CPU time"))
        else:
            CODEC_ENDS.add(pool=self._pool, reason="crash")
            log.error(
                "codec_process_crashed",
                how=how.describe,
                operation=order.operation,
                job_id=order.job_id,
            )
            order.conclude(CodecCrashed(how.describe))

    def _fail_all(self, error: ReelyardError) -> None:
        for order in self._orders.empty():
            order.conclude(error)

    # --- ends by force ---

    def _insist(self, order: Order) -> None:
        if order.done.done() or self._closed:
            return
        if order is self.running and self.running_s() >= self._options.cancel_grace_s:
            self._kill_under(order, Cancelled(), "cancel")
        elif not order.sent:
            self.stop(order)
        else:
            # It has not begun yet: the process will say that it gave it up.
            asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._insist, order)

    def _kill_under(self, order: Order, error: ReelyardError, reason: str) -> None:
        """Kill the process that runs `order`, which ends with `error`."""
        order.killed_for = error
        CODEC_ENDS.add(pool=self._pool, reason=reason)
        log.warning(
            "codec_process_killed",
            reason=reason,
            pid=self.pid,
            operation=order.operation,
            job_id=order.job_id,
        )
        self._supervisor.kill_current()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._watchdog.beat_s)
            order = self._orders.head
            if order is None:
                return
            overrun = self._watchdog.overrun(order.operation)
            if overrun is not None and order.killed_for is None:
                self._kill_under(order, overrun.error, overrun.reason)
