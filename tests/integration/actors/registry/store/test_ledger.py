"""What every job store promises of keys, credits, secrets and pauses."""

from __future__ import annotations

from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.messages import KeyInfo
from reelyard.actors.jobs.model import Job
from reelyard.actors.registry.store.protocol import IdempotencyKey, JobStore, Write
from tests.integration.actors.registry.store_calls import put
from tests.unit.actors.registry.builders import START_MS, make_job


def key_for(job: Job, text: str = "k", at_ms: int = START_MS) -> IdempotencyKey:
    return IdempotencyKey(job.tenant, text, "print", job.id, at_ms + 1000, at_ms)


async def test_a_key_is_found_until_it_expires(store: JobStore) -> None:
    job = make_job()
    key = key_for(job, "odd key \0 ä")
    await put(store, job, key=key)
    found = await store.find_key("default", key.key, START_MS)
    assert found is not None
    assert (found.job_id, found.fingerprint) == (job.id, "print")
    assert await store.find_key("default", key.key, START_MS + 1000) is None
    assert await store.find_key("other", key.key, START_MS) is None


async def test_a_job_whose_key_is_taken_is_not_written(store: JobStore) -> None:
    first, second = make_job(), make_job(rev=1)
    await put(store, first, key=key_for(first))
    assert await store.write([Write(second, 0, key=key_for(second))]) == [False]
    assert await store.get_many([second.id]) == {}


async def test_an_expired_key_may_be_used_again(store: JobStore) -> None:
    first, second = make_job(), make_job()
    await put(store, first, key=key_for(first))
    await put(store, second, key=key_for(second, at_ms=START_MS + 1000))
    found = await store.find_key("default", "k", START_MS + 1500)
    assert found is not None
    assert found.job_id == second.id


async def test_purge_drops_expired_keys_in_batches(store: JobStore) -> None:
    for number in range(5):
        job = make_job()
        await put(store, job, key=key_for(job, str(number)))
    late = make_job()
    await put(store, late, key=key_for(late, "late", START_MS + 5000))
    now = START_MS + 1000
    assert [await store.purge(now, 3) for _ in range(3)] == [3, 2, 0]
    assert await store.find_key("default", "late", now) is not None


async def test_credits_are_not_limited_before_the_first_grant(store: JobStore) -> None:
    job = make_job()
    await put(store, job, ledger=(LedgerEntry("default", job.id, "charge", -4, START_MS),))
    assert await store.balance("default") is None
    assert await store.spent("default") == 4
    await store.grant(LedgerEntry("default", "", "grant:1", 10, START_MS))
    assert await store.balance("default") == 6


async def test_a_ledger_entry_counts_once(store: JobStore) -> None:
    grant = LedgerEntry("default", "", "grant:1", 10, START_MS)
    await store.grant(grant)
    await store.grant(grant)
    job = make_job()
    charge = LedgerEntry("default", job.id, "charge", -3, START_MS)
    refund = LedgerEntry("default", job.id, "refund", 3, START_MS)
    await put(store, job, ledger=(charge,))
    await put(store, job, ledger=(charge, refund))
    await put(store, job, ledger=(refund,))
    assert await store.balance("default") == 10
    assert await store.spent("default") == 0


async def test_api_keys_are_replaced_by_their_hash(store: JobStore) -> None:
    info = KeyInfo("id-1", "default", "laptop", START_MS, admin=True)
    await store.put_api_key("hash", info)
    ended = KeyInfo("id-1", "default", "laptop", START_MS, True, revoked_ms=START_MS + 1)
    await store.put_api_key("hash", ended)
    assert await store.api_keys() == {"hash": ended}


async def test_pools_stay_paused_until_they_are_not(store: JobStore) -> None:
    assert await store.paused_pools() == set()
    for pool in ("cpu", "ä b", "cpu"):
        await store.set_paused(pool, paused=True)
    assert await store.paused_pools() == {"cpu", "ä b"}
    for pool in ("cpu", "nowhere"):
        await store.set_paused(pool, paused=False)
    assert await store.paused_pools() == {"ä b"}


async def test_the_first_secret_of_a_name_stays(store: JobStore) -> None:
    assert await store.secret("signing", "one") == "one"
    assert await store.secret("signing", "two") == "one"
    assert await store.secret("other", "two") == "two"
