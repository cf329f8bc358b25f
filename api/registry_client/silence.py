"""What tells an actor that is busy with a call from one that answers nothing at all.

An actor whose process is stopped, or whose event loop is held up, takes every call and answers
none: without a bound its callers would wait for ever. No bound fits the calls themselves (one may
store a thousand jobs, another waits for a change), so a call that takes long is accompanied by
pings, and given up only when those are not answered either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

SLOW_S = 1.0
"""So long after the last answer an actor is asked whether it is there."""


class NoAnswer(Exception):
    """Neither a call nor a ping was answered."""


class Silence:
    """Waits for answers of one actor; at most one ping is on the way at a time.

    While a ping is overdue every call is given up, and none is begun: an actor that goes on later
    should not find the calls of everybody who has left. The answer to that ping, or its failure,
    ends it.
    """

    def __init__(
        self, ping: Callable[[], Awaitable[Any]], patience_s: float, slow_s: float | None = None
    ) -> None:
        """`patience_s`: longest time to `NoAnswer` from a call that is answered by nothing; a
        share of it, `slow_s` at most, passes before the ping."""
        self._ping = ping
        self._slow_s = min(SLOW_S if slow_s is None else slow_s, patience_s / 2)
        self._silent_s = patience_s - self._slow_s
        self._asked: asyncio.Future[Any] | None = None
        self._asked_at = self._heard_at = float("-inf")

    async def answer(self, begin: Callable[[], Awaitable[Any]]) -> Any:
        """What the call that `begin` begins answers or raises. Raises `NoAnswer`."""
        if self._overdue():
            raise self._no_answer()
        call = asyncio.ensure_future(begin())
        while not (await asyncio.wait({call}, timeout=self._slow_s))[0]:
            if not await self._is_there():
                call.add_done_callback(_forget)
                raise self._no_answer()
        self._heard_at = _now()
        return call.result()

    async def bounded(self, look: Awaitable[Any]) -> Any:
        """What `look` gives, which can't be accompanied by pings. Raises `NoAnswer`."""
        call = asyncio.ensure_future(look)
        if not (await asyncio.wait({call}, timeout=self._slow_s + self._silent_s))[0]:
            call.add_done_callback(_forget)
            raise self._no_answer()
        return call.result()

    async def _is_there(self) -> bool:
        if self._asked is None or self._asked.done():
            if _now() - self._heard_at < self._slow_s:
                return True
            self._asked = asyncio.ensure_future(self._ping())
            self._asked.add_done_callback(self._told)
            self._asked_at = _now()
        left = max(0.0, self._asked_at + self._silent_s - _now())
        # A failed ping is an answer: the call that it goes with fails in the same way.
        return bool((await asyncio.wait({self._asked}, timeout=left))[0])

    def _told(self, ping: asyncio.Future[Any]) -> None:
        _forget(ping)
        self._heard_at = _now()

    def _overdue(self) -> bool:
        return (
            self._asked is not None
            and not self._asked.done()
            and _now() - self._asked_at >= self._silent_s
        )

    def _no_answer(self) -> NoAnswer:
        return NoAnswer(f"no answer to anything for {self._slow_s + self._silent_s:g} s")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _forget(call: asyncio.Future[Any]) -> None:
    """Take note of how a call ended that nobody waits for, so that asyncio does not complain."""
    if not call.cancelled():
        call.exception()
