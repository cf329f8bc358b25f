"""API keys without a call for each request."""

from __future__ import annotations

import asyncio

from reelyard.actors.jobs.messages import KeyInfo
from reelyard.actors.registry.accounts.api_keys import hash_key
from reelyard.api.registry_client.key_cache import KeyCache


async def test_keys_are_asked_for_once_in_a_while_and_at_once_when_unknown() -> None:
    keys = {hash_key("ry_a"): KeyInfo("1", "t", "", 0)}
    calls = 0

    async def load() -> dict[str, KeyInfo]:
        nonlocal calls
        calls += 1
        return dict(keys)

    cache = KeyCache(load)
    found = await asyncio.gather(*(cache.find("ry_a") for _ in range(20)))
    assert {info.key_id for info in found if info} == {"1"}
    assert calls == 1
    assert await cache.by_id("1") == found[0]
    assert await cache.by_id("2") is None
    keys[hash_key("ry_b")] = KeyInfo("2", "t", "", 0)
    await asyncio.sleep(0.25)
    assert await cache.find("ry_b") is not None
    assert calls == 2
