"""The limit of requests a minute for each key; replicas on one Redis share the count."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from reelyard.actors.registry import redis_of
from reelyard.cluster.errors import RateLimited, Unavailable

CONNECTIONS = 8


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
        storage, self.close = _storage(store_url)
        self._limiter = FixedWindowRateLimiter(storage)

    async def hit(self, key: str) -> tuple[bool, RateState]:
        """Count a request of `key`: whether it is within the limit, and where that stands.
        Raises `Unavailable`."""
        try:
            allowed = await self._limiter.hit(self._item, key)
            return allowed, await self._state(key)
        except StorageError as error:
            raise Unavailable(
                "the rate of requests can't be counted", internal=str(error)
            ) from None

    async def look(self, key: str) -> RateState | None:
        """Where `key` stands, without counting; None if that can't be told now."""
        try:
            return await self._state(key)
        except StorageError:
            return None

    async def _state(self, key: str) -> RateState:
        window = await self._limiter.get_window_stats(self._item, key)
        return RateState(
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


def _storage(store_url: str) -> tuple[Storage, Callable[[], Awaitable[None]]]:
    """Where the counts are, and how to let go of it."""
    if (shared := redis_of(store_url)) is None:
        return MemoryStorage(), _nothing
    from redis.asyncio import BlockingConnectionPool

    url, prefix = shared
    pool: Any = BlockingConnectionPool.from_url(url, max_connections=CONNECTIONS, timeout=10)
    storage = RedisStorage(
        url.replace("unix:", "redis+unix:", 1),
        implementation="redispy",
        key_prefix=f"{prefix}rate",
        wrap_exceptions=True,
        connection_pool=pool,
    )
    return storage, pool.disconnect


async def _nothing() -> None:
    return None
