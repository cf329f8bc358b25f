"""How many requests each key has made in its running minute: one count for the whole server,
however many replicas answer. A registry that starts anew counts from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from reelyard.actors.jobs.messages import RequestRate


class RequestRates:
    """A window of a minute for each key, which begins with its first request."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def count(self, asks: Sequence[tuple[str, int]]) -> list[RequestRate]:
        """Count so many requests of each key (0: only look); where it stands then, in order."""
        return [await self._count(key, requests) for key, requests in asks]

    async def _count(self, key: str, requests: int) -> RequestRate:
        allowed = not requests or await self._limiter.hit(self._item, key, cost=requests)
        window = await self._limiter.get_window_stats(self._item, key)
        return RequestRate(
            allowed=allowed,
            limit=self._item.amount,
            remaining=max(0, window.remaining),
            reset_s=ceil(window.reset_time),
        )
