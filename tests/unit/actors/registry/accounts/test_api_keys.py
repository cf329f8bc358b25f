"""API keys: what they may, how long, and by what they are replaced."""

from __future__ import annotations

import pytest

from reelyard.actors.jobs.messages import KeyInfo, KeyScope, KeySpec
from reelyard.actors.registry.accounts.api_keys import hash_key, new_key
from reelyard.cluster.errors import Conflict, NotFound
from tests.unit.actors.registry.conftest import RegistryHarness

DAY_MS = 86_400_000


async def test_a_key_has_one_scope_and_ends_when_it_is_told_to(harness: RegistryHarness) -> None:
    registry = harness.registry
    for scope in KeyScope:
        info = await registry.create_key(KeySpec("t", scope=scope, life_s=60), new_key())
        assert info.scope is scope
        assert info.expires_ms == info.created_ms + 60_000
        assert info.works(info.created_ms + 59_999)
        assert not info.works(info.created_ms + 60_000)


def test_a_record_of_before_there_were_scopes_still_reads_right() -> None:
    assert KeyInfo("1", "t", "", 0).scope is KeyScope.SUBMIT
    assert KeyInfo("1", "t", "", 0, admin=True).scope is KeyScope.ADMIN
    assert KeyInfo("1", "t", "", 0).works(1 << 60)


async def test_a_key_in_another_ones_place_may_the_same_and_the_old_one_ends_later(
    harness: RegistryHarness,
) -> None:
    registry = harness.registry
    spec = KeySpec("t", "laptop", scope=KeyScope.READ, life_s=30 * 86_400)
    old_text, text = new_key(), new_key()
    old = await registry.create_key(spec, old_text)
    fresh = await registry.rotate_key(old.key_id, text, 3600)
    assert (fresh.tenant, fresh.name, fresh.scope) == ("t", "laptop", KeyScope.READ)
    assert fresh.expires_ms == fresh.created_ms + 30 * DAY_MS
    ending = (await registry.api_keys())[hash_key(old_text)]
    assert ending.expires_ms == fresh.created_ms + 3_600_000
    # Asked again, as after a restart, nothing more happens.
    assert await registry.rotate_key(old.key_id, text, 3600) == fresh
    assert len(await registry.api_keys()) == 2
    # Never later than it would have ended anyway.
    await registry.rotate_key(fresh.key_id, new_key(), 90 * 86_400)
    assert (await registry.api_keys())[hash_key(text)].expires_ms == fresh.expires_ms


async def test_a_key_that_has_ended_or_is_unknown_is_not_replaced(
    harness: RegistryHarness,
) -> None:
    registry = harness.registry
    info = await registry.create_key(KeySpec("t"), new_key())
    await registry.revoke_key(info.key_id)
    with pytest.raises(Conflict, match="has ended"):
        await registry.rotate_key(info.key_id, new_key(), 60)
    with pytest.raises(NotFound):
        await registry.rotate_key("nope", new_key(), 60)
