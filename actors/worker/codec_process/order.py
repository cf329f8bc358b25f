"""The orders of one worker: tasks on their way to its codec process, in their order. No I/O."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from reelyard.actors.media.operation import Progress, Result, Source
from reelyard.actors.worker.codec_process.messages import RunTask
from reelyard.cluster.errors import ReelyardError

WINDOW = 16
"""Orders that a codec process holds at a time, so that it never waits between short ones."""


@dataclass(eq=False)
class Order:
    """A task on its way through the codec process."""

    operation: str
    params: dict[str, Any]
    inputs: list[Source]
    out_dir: str
    progress: Progress = field(default_factory=Progress)
    job_id: str = ""
    """For the log."""
    threads: int = 1
    """So many the operation may use."""
    sizing: str = ""
    """Why so many."""
    id: int = 0
    sent: bool = False
    recalled: bool = False
    """It is to come back without having run."""
    stopped: bool = False
    """Who waits for it does so no longer."""
    killed_for: ReelyardError | None = None
    run_s: float = 0.0
    """How long it ran, once it has."""
    on_end: Callable[[Order], None] | None = None
    """Called with it, at once, when its outcome is there."""
    on_return: Callable[[Order], None] | None = None
    """Called with it when it comes back without having run."""
    done: asyncio.Future[Result] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def message(self, cpu_s: float) -> RunTask:
        """For the codec process; `cpu_s`: CPU seconds that it may use."""
        return RunTask(
            id=self.id,
            operation=self.operation,
            params=self.params,
            inputs=[(str(source.path), source.name) for source in self.inputs],
            out_dir=self.out_dir,
            threads=self.threads,
            cpu_s=cpu_s,
        )

    def come_back(self) -> None:
        """It was recalled, and has not run: it can be run elsewhere."""
        self.sent = self.recalled = False
        if self.on_return is not None:
            self.on_return(self)

    def conclude(self, outcome: Result | Exception) -> None:
        """Tell who waits for it; the first outcome counts."""
        if self.done.done():
            return
        if isinstance(outcome, Result):
            self.done.set_result(outcome)
        else:
            self.done.set_exception(outcome)
            # Nobody may be left to look at it.
            self.done.exception()
        if self.on_end is not None:
            self.on_end(self)

    async def outcome(self, stop: Callable[[Order], None]) -> Result:
        """Its result, once it is there. Raises the error that it ended with.

        A caller that is cancelled calls `stop`, and waits for the end before the cancellation goes
        on.
        """
        try:
            return await asyncio.shield(self.done)
        except asyncio.CancelledError:
            stop(self)
            while not self.done.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([self.done])
            self.done.exception()
            raise


class OrderQueue:
    """Orders that wait, then those that the codec process holds; it runs the first of these."""

    def __init__(self) -> None:
        self._waiting: deque[Order] = deque()
        self._sent: deque[Order] = deque()
        self._ids = 0

    @property
    def head(self) -> Order | None:
        """The order that runs now."""
        return self._sent[0] if self._sent else None

    @property
    def waits(self) -> bool:
        """Whether an order is still to be sent."""
        return bool(self._waiting)

    def add(self, order: Order) -> None:
        """Put it behind all others, with an id of its own."""
        self._ids += 1
        order.id = self._ids
        self._waiting.append(order)

    def send_next(self) -> Order | None:
        """The next order for the codec process, which holds it from now on; None: not now."""
        if not self._waiting or len(self._sent) >= WINDOW:
            return None
        order = self._waiting.popleft()
        order.sent = True
        self._sent.append(order)
        return order

    def withdraw(self, order: Order) -> None:
        """Take out one that was not sent."""
        self._waiting.remove(order)

    def finish(self, order_id: int) -> Order | None:
        """Take out the one of that id which the process holds, the head or one that was given up
        before its turn; None: it holds none."""
        for order in self._sent:
            if order.id == order_id:
                self._sent.remove(order)
                return order
        return None

    def lose_process(self) -> Order | None:
        """Take out the head; those behind it had not begun, and wait again before all others."""
        head = self._sent.popleft() if self._sent else None
        for order in reversed(self._sent):
            order.sent = order.recalled = False
            self._waiting.appendleft(order)
        self._sent.clear()
        return head

    def empty(self) -> list[Order]:
        """Take out all."""
        orders = [*self._sent, *self._waiting]
        self._sent.clear()
        self._waiting.clear()
        return orders
