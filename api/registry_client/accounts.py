"""Tenants' accounts and keys, and the installation's secrets, as the registry holds them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from reelyard.actors.jobs.ids import new_id
from reelyard.actors.jobs.messages import KeyInfo, KeySpec, RequestRate, Usage
from reelyard.actors.registry.accounts.api_keys import new_key
from reelyard.api.registry_client.batching import Writes
from reelyard.api.registry_client.key_cache import KeyCache


class Accounts:
    """Calls of the registry; each raises `Unavailable` while it can't be reached."""

    def __init__(self, call: Callable[..., Awaitable[Any]]) -> None:
        self._call = call
        self.keys = KeyCache(self._keys_by_hash)
        self._counts: Writes[tuple[str, int], RequestRate] = Writes(self._count_requests)

    async def create_key(self, spec: KeySpec) -> tuple[str, KeyInfo]:
        """A fresh API key: its text, shown this once, and its record."""
        # Repeated after a restart of the registry, the call must not make a second key.
        text = new_key()
        info: KeyInfo = await self._call("create_key", spec, text)
        self.keys.forget()
        return text, info

    async def rotate_key(self, key_id: str, overlap_s: float) -> tuple[str, KeyInfo]:
        """A fresh key in another one's place, which ends after `overlap_s`. Raises `NotFound`,
        `Conflict` if that one has ended."""
        text = new_key()
        info: KeyInfo = await self._call("rotate_key", key_id, text, overlap_s)
        self.keys.forget()
        return text, info

    async def all_keys(self) -> list[KeyInfo]:
        """All keys, ended ones too, oldest first."""
        keys = await self._keys_by_hash()
        return sorted(keys.values(), key=lambda info: info.created_ms)

    async def revoke_key(self, key_id: str) -> KeyInfo:
        """Make a key worthless. Raises `NotFound`."""
        info: KeyInfo = await self._call("revoke_key", key_id)
        self.keys.forget()
        return info

    async def usage(self, tenant: str) -> Usage:
        """A tenant's account."""
        usage: Usage = await self._call("usage", tenant)
        return usage

    async def grant(self, tenant: str, credits: int) -> None:
        """Give a tenant credits, once however often the registry has to be asked."""
        await self._call("grant", tenant, credits, new_id())

    async def count_request(self, key: str) -> RequestRate:
        """Count a request under `key`."""
        (rate,) = await self._counts.put([(key, 1)])
        return rate

    async def request_rate(self, key: str) -> RequestRate:
        """Where `key` stands, without counting."""
        (rate,) = await self._counts.put([(key, 0)])
        return rate

    async def secret(self, name: str) -> str:
        """The installation's secret of that name, made at its first use."""
        text: str = await self._call("secret", name)
        return text

    async def _keys_by_hash(self) -> dict[str, KeyInfo]:
        keys: dict[str, KeyInfo] = await self._call("api_keys")
        return keys

    async def _count_requests(self, asks: list[tuple[str, int]]) -> list[RequestRate]:
        rates: list[RequestRate] = await self._call("count_requests", asks)
        return rates
