"""API keys: shown once, kept as a hash."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256

import msgspec

from reelyard.actors.jobs.ids import new_id
from reelyard.actors.jobs.messages import KeyInfo
from reelyard.actors.registry.store.protocol import JobStore
from reelyard.cluster.errors import NotFound

PREFIX = "ry_"
_KEY_BYTES = 30
"""40 characters in base 64."""


def hash_key(text: str) -> str:
    """What is stored of a key: SHA-256 in hex. A key has 240 random bits: no salt is needed."""
    return sha256(text.encode()).hexdigest()


def new_key() -> str:
    """The text of a fresh key."""
    return PREFIX + secrets.token_urlsafe(_KEY_BYTES)


def keys_are_needed(keys: Mapping[str, KeyInfo]) -> bool:
    """Whether every request needs a key, given all that were ever made.

    From the first one on, for good: revoking the last key must not open the server to everybody.
    """
    return bool(keys)


class ApiKeys:
    """Makes, lists and revokes keys."""

    def __init__(self, store: JobStore, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._clock_ms = clock_ms

    async def create(self, text: str, tenant: str, name: str, *, admin: bool) -> KeyInfo:
        """The record of the key `text`; the same text again gives the first one."""
        key_hash = hash_key(text)
        if (known := (await self._store.api_keys()).get(key_hash)) is not None:
            return known
        info = KeyInfo(new_id(), tenant, name, self._clock_ms(), admin)
        await self._store.put_api_key(key_hash, info)
        return info

    async def all(self) -> dict[str, KeyInfo]:
        """Every key by its hash, revoked ones too."""
        return await self._store.api_keys()

    async def revoke(self, key_id: str) -> KeyInfo:
        """End a key's life; again changes nothing. Raises `NotFound`."""
        for key_hash, info in (await self._store.api_keys()).items():
            if info.key_id == key_id:
                return info if info.revoked_ms is not None else await self._end(key_hash, info)
        raise NotFound(f"there is no API key {key_id!r}", details={"key_id": key_id})

    async def _end(self, key_hash: str, info: KeyInfo) -> KeyInfo:
        ended = msgspec.structs.replace(info, revoked_ms=self._clock_ms())
        await self._store.put_api_key(key_hash, ended)
        return ended
