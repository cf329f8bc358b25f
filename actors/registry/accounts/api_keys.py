"""API keys: shown once, kept as a hash; made, replaced by another, expired, revoked."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256

import msgspec

from reelyard.actors.jobs.ids import new_id
from reelyard.actors.jobs.messages import KeyInfo, KeyScope, KeySpec
from reelyard.actors.registry.store.protocol import JobStore
from reelyard.cluster.errors import Conflict, NotFound

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

    async def create(self, text: str, spec: KeySpec) -> KeyInfo:
        """The record of the key `text`; the same text again gives the first one."""
        key_hash = hash_key(text)
        if (known := (await self._store.api_keys()).get(key_hash)) is not None:
            return known
        now_ms = self._clock_ms()
        info = KeyInfo(
            new_id(),
            spec.tenant,
            spec.name,
            now_ms,
            admin=spec.scope is KeyScope.ADMIN,
            read_only=spec.scope is KeyScope.READ,
            expires_ms=None if spec.life_s is None else now_ms + round(spec.life_s * 1000),
        )
        await self._store.put_api_key(key_hash, info)
        return info

    async def rotate(self, text: str, key_id: str, overlap_s: float) -> KeyInfo:
        """The record of the key `text`, which may what the key `key_id` may and lives as long from
        now on; the old one ends after `overlap_s`, or earlier if it would. The same text again
        gives the first one. Raises `NotFound`, `Conflict` if the old key has ended."""
        known = await self._store.api_keys()
        if (made := known.get(hash_key(text))) is not None:
            return made
        old_hash, old = self._named(known, key_id)
        now_ms = self._clock_ms()
        if not old.works(now_ms):
            raise Conflict(f"API key {key_id!r} has ended", details={"key_id": key_id})
        life_ms = None if old.expires_ms is None else old.expires_ms - old.created_ms
        ends_ms = now_ms + round(overlap_s * 1000)
        fresh = msgspec.structs.replace(
            old,
            key_id=new_id(),
            created_ms=now_ms,
            expires_ms=None if life_ms is None else now_ms + life_ms,
        )
        ending = msgspec.structs.replace(old, expires_ms=min(ends_ms, old.expires_ms or ends_ms))
        # In this order: if it ends here, both work.
        await self._store.put_api_key(hash_key(text), fresh)
        await self._store.put_api_key(old_hash, ending)
        return fresh

    async def all(self) -> dict[str, KeyInfo]:
        """Every key by its hash, revoked ones too."""
        return await self._store.api_keys()

    async def revoke(self, key_id: str) -> KeyInfo:
        """End a key's life; again changes nothing. Raises `NotFound`."""
        key_hash, info = self._named(await self._store.api_keys(), key_id)
        if info.revoked_ms is not None:
            return info
        ended = msgspec.structs.replace(info, revoked_ms=self._clock_ms())
        await self._store.put_api_key(key_hash, ended)
        return ended

    def _named(self, keys: Mapping[str, KeyInfo], key_id: str) -> tuple[str, KeyInfo]:
        for key_hash, info in keys.items():
            if info.key_id == key_id:
                return key_hash, info
        raise NotFound(f"there is no API key {key_id!r}", details={"key_id": key_id})
