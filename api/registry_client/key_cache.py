"""API keys, looked up without a call for each request."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable

from actors.jobs.messages import KeyInfo

FRESH_S = 2.0
"""A revoked key is refused everywhere after this time."""
MISS_S = 0.2
"""An unknown key asks the registry again only if the list is older than this."""


def key_hash(text: str) -> str:
    """What is stored of a key: its SHA-256 in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


class KeyCache:
    """The list of all keys by hash, renewed every two seconds while it is in use."""

    def __init__(self, load: Callable[[], Awaitable[dict[str, KeyInfo]]]) -> None:
        self._load = load
        self._keys: dict[str, KeyInfo] = {}
        self._loaded_at = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, text: str) -> KeyInfo | None:
        """The key that `text` is, unless it is unknown or revoked."""
        digest = key_hash(text)
        info = (await self._fresh(FRESH_S)).get(digest)
        if info is None:
            info = (await self._fresh(MISS_S)).get(digest)
        return info if info is not None and info.revoked_ms is None else None

    async def by_id(self, key_id: str) -> KeyInfo | None:
        """The key with that id, unless it is unknown or revoked."""
        for info in (await self._fresh(FRESH_S)).values():
            if info.key_id == key_id:
                return info if info.revoked_ms is None else None
        return None

    async def any(self) -> bool:
        """Whether a key was ever made; a revoked one counts, so that revoking opens no door."""
        return bool(await self._fresh(FRESH_S))

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
