"""The codec processes of one worker: each task gets a process and its share of the cores."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from reelyard.actors.media.operation import Result
from reelyard.actors.worker.codec_process.client import CodecClient
from reelyard.actors.worker.codec_process.options import CodecOptions
from reelyard.actors.worker.codec_process.order import Order
from reelyard.actors.worker.codec_process.os_process import ChildSpec
from reelyard.actors.worker.codec_process.sizing import (
    ONE_CORE,
    SHORT_S,
    Share,
    TaskLength,
    another_process,
    share_of,
    window_of,
)
from reelyard.cluster.errors import Cancelled

IDLE_S = 60.0
"""A process beside the first one ends when nothing was to do for so long."""


@dataclass(eq=False)
class _Seat:
    """A codec process, and the orders that it has."""

    client: CodecClient
    orders: list[Order] = field(default_factory=list)
    uses: int = 0

    @property
    def long(self) -> bool:
        """Whether it works on an order that turned out to be long: none must wait behind that."""
        return bool(self.orders) and self.client.running_s() >= SHORT_S


class CodecGroup:
    """Runs orders in up to `cores` codec processes, the first kept, others started when needed."""

    def __init__(self, spec: ChildSpec, options: CodecOptions, pool: str, cores: int) -> None:
        self._spec, self._options, self._pool = spec, options, pool
        self._cores = cores
        self._length = TaskLength()
        self._queue: deque[Order] = deque()
        """Orders that no process has yet."""
        self._seat_of: dict[Order, _Seat] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False
        self._looking = False
        self.backlog: Callable[[], int] = lambda: 0
        """How many tasks will come, as far as the worker knows."""
        self.on_spare: Callable[[], None] = lambda: None
        """Called when an order has ended."""
        self._seats = [self._open_seat()]

    def _open_seat(self) -> _Seat:
        return _Seat(CodecClient(self._spec, self._options, self._pool, self._give_out))

    def warm(self) -> None:
        """Start a process now, so that the first task need not wait for it."""
        self._seats[0].client.warm()

    async def run(self, order: Order) -> Result:
        """Run `order` as soon as a core is free. Raises what `CodecClient.run` does."""
        order.on_end, order.on_return = self._leave, self._take_back
        self._queue.append(order)
        self._give_out()
        if self._queue:
            self._look_later()
        return await order.outcome(self._stop)

    # --- for the worker's decisions ---

    @property
    def spare(self) -> int:
        """Cores on which nothing runs."""
        busy = sum(seat.orders[0].threads for seat in self._seats if seat.orders)
        return max(0, self._cores - busy)

    @property
    def queued(self) -> int:
        """Orders that no process has yet."""
        return len(self._queue)

    def runs(self, order: Order) -> bool:
        """Whether it is running now."""
        return any(seat.client.running is order for seat in self._seats)

    def blocked_s(self) -> float:
        """For how long no process could have begun another order; 0: one can."""
        if not all(seat.orders for seat in self._seats):
            return 0.0
        return min(seat.client.running_s() for seat in self._seats)

    @property
    def pid(self) -> int | None:
        """The process that runs an order, or the first one."""
        busy = (seat for seat in self._seats if seat.client.running is not None)
        return next(busy, self._seats[0]).client.pid

    # --- ends ---

    def kill_now(self) -> None:
        """Kill the processes from any thread, when no time is left for `close`."""
        self._closed = True
        for seat in self._seats:
            seat.client.kill_now()

    async def close(self) -> None:
        """End the processes; what runs is lost."""
        self._closed = True
        while self._queue:
            self._queue.popleft().conclude(Cancelled())
        await asyncio.gather(*(seat.client.close() for seat in self._seats), *self._closing)

    # --- seats ---

    def _give_out(self) -> None:
        """Seat what waits, as far as there is room; what has ended made some."""
        while self._queue and (seat := self._free_seat()) is not None:
            self._sit(seat, self._queue.popleft())
        self._grow()

    def _free_seat(self) -> _Seat | None:
        """Where the next order goes; None: it waits."""
        least: _Seat | None = None
        for seat in self._seats:
            usable = seat.client.ready or seat is self._seats[0]
            if usable and not seat.long and (not least or len(seat.orders) < len(least.orders)):
                least = seat
        return least if least and len(least.orders) < window_of(self._length.seconds) else None

    def _sit(self, seat: _Seat, order: Order) -> None:
        if seat.orders:
            self._look_later()
        order.threads, order.sizing = self._share()
        seat.orders.append(order)
        seat.uses += 1
        self._seat_of[order] = seat
        seat.client.add(order)

    def _share(self) -> Share:
        if self._cores == 1:
            return ONE_CORE
        tasks = 1 + len(self._seat_of) + len(self._queue)
        if tasks < self._cores or tasks == 1:
            tasks += self.backlog()
        return share_of(self._cores, tasks, self.spare)

    def _stop(self, order: Order) -> None:
        if (seat := self._seat_of.get(order)) is not None:
            seat.client.stop(order)
        elif order in self._queue:
            self._queue.remove(order)
            order.conclude(Cancelled())

    def _look_later(self) -> None:
        if not self._looking and not self._closed:
            self._looking = True
            asyncio.get_running_loop().call_later(SHORT_S, self._look)

    def _look(self) -> None:
        """Take back the orders behind one that turns out to be long: others may run them."""
        self._looking = False
        if self._queue or any(len(seat.orders) > 1 for seat in self._seats):
            self._look_later()
        for seat in self._seats:
            if seat.long:
                for order in [*seat.orders]:
                    if order is not seat.client.running and not order.recalled:
                        seat.client.recall(order)
        self._grow()

    def _take_back(self, order: Order) -> None:
        """It comes back without having run, and is the next to be run elsewhere."""
        self._seat_of.pop(order).orders.remove(order)
        self._queue.appendleft(order)
        self._give_out()

    def _leave(self, order: Order) -> None:
        """The order has ended: its place is the next one's before anybody hears of it."""
        if (seat := self._seat_of.pop(order, None)) is None:
            return
        seat.orders.remove(order)
        if order.run_s:
            self._length.record(order.run_s)
        self._give_out()
        if not seat.orders and seat is not self._seats[0]:
            asyncio.get_running_loop().call_later(IDLE_S, self._retire, seat, seat.uses)
        self.on_spare()

    def _grow(self) -> None:
        if self._closed or len(self._seats) >= self._cores:
            return
        behind = sum(max(0, len(seat.orders) - 1) for seat in self._seats) + len(self._queue)
        waiting = behind + self.backlog()
        blocked = bool(self._queue) and all(seat.long for seat in self._seats)
        expected_s = SHORT_S if blocked else self._length.seconds
        if another_process(len(self._seats), self._cores, waiting, expected_s):
            seat = self._open_seat()
            self._seats.append(seat)
            seat.client.warm()

    def _retire(self, seat: _Seat, uses: int) -> None:
        if self._closed or seat.orders or seat.uses != uses:
            return
        self._seats.remove(seat)
        closing = asyncio.ensure_future(seat.client.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
