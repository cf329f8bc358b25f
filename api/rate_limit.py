"""Requests a minute for each key."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import ceil

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.storage import storage_from_string

from cluster.errors import RateLimited


@dataclass(frozen=True)
class RateState:
    """What the `X-RateLimit-*` headers tell."""

    limit: int
    remaining: int
    reset_s: int
    """Unix seconds at which the window ends."""

    def headers(self) -> dict[str, str]:
        """The three headers."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_s),
        }


class RateLimiter:
    """Counts in Redis where the job store is Redis, so that all replicas share the count; else
    in this process."""

    def __init__(self, per_minute: int, store_url: str) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = FixedWindowRateLimiter(_storage(store_url))

    async def hit(self, key: str) -> tuple[bool, RateState]:
        """Count a request of `key`: whether it is within the limit, and where that stands."""
        allowed = await self._limiter.hit(self._item, key)
        window = await self._limiter.get_window_stats(self._item, key)
        return allowed, RateState(
            limit=self._item.amount,
            remaining=max(0, window.remaining),
            reset_s=ceil(window.reset_time),
        )


def too_many(state: RateState) -> RateLimited:
    """The refusal of a request beyond the limit."""
    wait = max(1, ceil(state.reset_s - time.time()))
    return RateLimited(
        f"more than {state.limit} requests a minute; try again in {wait} s",
        details={"retry_after": wait},
        retry_after_s=wait,
    )


def _storage(store_url: str) -> Storage:
    if not store_url.startswith(("redis://", "rediss://")):
        return MemoryStorage()
    storage = storage_from_string(f"async+{store_url}", implementation="redispy")
    assert isinstance(storage, Storage)
    return storage
