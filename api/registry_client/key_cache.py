"""API keys, looked up without a call for each request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from reelyard.actors.jobs.messages import KeyInfo
from reelyard.actors.registry.accounts.api_keys import hash_key, keys_are_needed

FRESH_S = 0.9
"""A revoked key is refused everywhere within a second, the call included."""
MISS_S = 0.2
"""An unknown key asks the registry again only if the list is older than this."""


class KeyCache:
    """The list of all keys by hash, renewed every second while it is in use."""

    def __init__(self, load: Callable[[], Awaitable[dict[str, KeyInfo]]]) -> None:
        self._load = load
        self._keys: dict[str, KeyInfo] = {}
        self._loaded_at = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, text: str) -> KeyInfo | None:
        """The key that `text` is, unless it is unknown, expired or revoked."""
        digest = hash_key(text)
        info = (await self._fresh(FRESH_S)).get(digest)
        if info is None:
            info = (await self._fresh(MISS_S)).get(digest)
        return info if info is not None and info.works(_now_ms()) else None

    async def by_id(self, key_id: str) -> KeyInfo | None:
        """The key with that id, unless it is unknown, expired or revoked."""
        for info in (await self._fresh(FRESH_S)).values():
            if info.key_id == key_id:
                return info if info.works(_now_ms()) else None
        return None

    async def are_needed(self) -> bool:
        """`keys_are_needed` of the keys as they are."""
        return keys_are_needed(await self._fresh(FRESH_S))

    def forget(self) -> None:
        """Ask the registry at the next use."""
        self._loaded_at = float("-inf")

    async def _fresh(self, age_s: float) -> dict[str, KeyInfo]:
        if time.monotonic() - self._loaded_at <= age_s:
            return self._keys
        async with self._lock:
            if time.monotonic() - self._loaded_at > age_s:
                began = time.monotonic()
                self._keys = await self._load()
                self._loaded_at = began
        return self._keys


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
