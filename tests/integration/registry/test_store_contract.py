"""What every job store promises, asked of each of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.jobs.ids import id_at
from actors.jobs.messages import KeyInfo, PageQuery
from actors.jobs.model import ErrorInfo, Job, State
from actors.registry.interface import IdempotencyKey, JobStore, LedgerEntry, Write
from actors.registry.stores import open_store
from cluster.errors import BadRequest, Unavailable
from tests.unit.registry.builders import START_MS, make_job, make_output


@pytest.fixture(params=["sqlite", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'folder' / 'jobs.db'}"
    return str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[JobStore]:
    store = open_store(store_url)
    await store.open()
    yield store
    await store.close()


async def put(store: JobStore, *jobs: Job, **fields: Any) -> None:
    writes = []
    for job in jobs:
        job.rev += 1
        writes.append(Write(job, job.rev - 1, **fields))
    assert all(await store.write(writes))


async def move(store: JobStore, job: Job, state: State, **fields: Any) -> None:
    job.state = state
    for name, value in fields.items():
        setattr(job, name, value)
    await put(store, job)


async def test_a_written_job_comes_back_as_it_was(store: JobStore) -> None:
    job = make_job(metadata={"a": [1, 2.5, None, "ä"]}, extra={"deep": {"x": True}}, credits=3)
    await put(store, job)
    assert await store.get_many([job.id, id_at(START_MS)]) == {job.id: job}


async def test_an_id_that_is_no_uuid_is_not_there(store: JobStore) -> None:
    assert await store.get_many(["", "x", "../../etc", "0" * 31, "é" * 32]) == {}


async def test_a_write_on_another_revision_changes_nothing(store: JobStore) -> None:
    job = make_job()
    await put(store, job)
    job.state, job.rev = State.RUNNING, 7
    entry = LedgerEntry(job.tenant, job.id, "charge", -5, START_MS)
    assert await store.write([Write(job, 6, ledger=(entry,))]) == [False]
    assert (await store.get_many([job.id]))[job.id].state is State.QUEUED
    assert await store.spent(job.tenant) == 0
    assert (await store.counts(job.tenant))["queued"] == 1


async def test_a_new_job_is_refused_when_its_id_is_taken(store: JobStore) -> None:
    job = make_job()
    await put(store, job)
    other = make_job(id=job.id, tenant="other", rev=1)
    assert await store.write([Write(other, 0)]) == [False]
    assert (await store.get_many([job.id]))[job.id].tenant == job.tenant


async def test_writes_of_one_call_are_applied_in_order_and_one_by_one(store: JobStore) -> None:
    first, second = make_job(), make_job()
    first.rev = second.rev = 1
    again = make_job(id=first.id, rev=1)
    assert await store.write([Write(first, 0), Write(again, 0), Write(second, 0)]) == [
        True,
        False,
        True,
    ]


async def test_changes_right_after_the_call_are_not_written(store: JobStore) -> None:
    job = make_job(rev=1)
    pending = store.write([Write(job, 0)])
    job.state = State.FAILED
    assert await pending == [True]
    assert (await store.get_many([job.id]))[job.id].state is State.QUEUED


async def test_only_one_of_two_racing_writes_wins(store: JobStore) -> None:
    job = make_job()
    await put(store, job)
    one, two = (make_job(id=job.id, rev=2, state=s) for s in (State.RUNNING, State.CANCELLED))
    answers = await asyncio.gather(store.write([Write(one, 1)]), store.write([Write(two, 1)]))
    assert answers == [[True], [False]]


async def test_a_job_may_pass_through_states_in_one_batch(store: JobStore) -> None:
    job = make_job()
    pending = []
    for state in (State.QUEUED, State.RUNNING, State.SUCCEEDED):
        job.state = state
        job.rev += 1
        pending.append(store.write([Write(job, job.rev - 1)]))
    assert await asyncio.gather(*pending) == [[True]] * 3
    assert await store.counts() == {
        "queued": 0,
        "running": 0,
        "succeeded": 1,
        "failed": 0,
        "cancelled": 0,
    }
    assert await ids_of(store, PageQuery("default", state=State.RUNNING)) == []
    assert await ids_of(store, PageQuery("default", state=State.SUCCEEDED)) == [job.id]


# --- pages ---


async def ids_of(store: JobStore, query: PageQuery) -> list[str]:
    return [job.id for job in await store.page(query)]


@pytest.fixture
async def corpus(store: JobStore) -> list[Job]:
    """Jobs of two tenants, of every state, operation, kind and input, in shuffled order."""
    rng = random.Random(7)
    pairs = [("transcode", "video"), ("transcode", "audio"), ("probe", "data"), ("image", "image")]
    jobs = []
    for number in range(300):
        operation, kind = rng.choice(pairs)
        jobs.append(
            make_job(
                START_MS + number * 10,
                tenant=rng.choice(["a", "a", "a", "b"]),
                operation=operation,
                kind=kind,
                input=f"file:///{rng.randrange(5)}.mp4",
            )
        )
    shuffled = rng.sample(jobs, len(jobs))
    await put(store, *shuffled)
    moving = {job.id: state for job in shuffled if (state := rng.choice(list(State)))}
    moved = [job for job in shuffled if moving[job.id] is not State.QUEUED]
    for job in moved:
        job.state = State.RUNNING
    await put(store, *moved)
    ended = [job for job in moved if moving[job.id] is not State.RUNNING]
    for job in ended:
        job.state = moving[job.id]
    await put(store, *ended)
    return sorted(jobs, key=lambda job: job.id)


def expected(corpus: list[Job], query: PageQuery) -> list[str]:
    found = [
        job
        for job in corpus
        if job.tenant == query.tenant
        and query.state in (None, job.state)
        and query.operation in (None, job.operation)
        and query.kind in (None, job.kind)
        and query.input in (None, job.input)
        and (query.created_from_ms is None or job.created_ms >= query.created_from_ms)
        and (query.created_to_ms is None or job.created_ms <= query.created_to_ms)
    ]
    return [job.id for job in (found if query.ascending else reversed(found))]


async def test_every_combination_of_filters_gives_just_the_jobs_that_match(
    store: JobStore, corpus: list[Job]
) -> None:
    windows = [(None, None), (START_MS + 500, START_MS + 2000), (START_MS + 1000, None)]
    for state in (None, *State):
        for operation in (None, "transcode", "probe", "nothing"):
            for kind in (None, "audio", "image"):
                for name in (None, "file:///3.mp4"):
                    start, end = windows[hash((operation, kind)) % 3]
                    query = PageQuery(
                        "a",
                        limit=500,
                        state=state,
                        operation=operation,
                        kind=kind,
                        input=name,
                        created_from_ms=start,
                        created_to_ms=end,
                        ascending=state is State.FAILED,
                    )
                    assert await ids_of(store, query) == expected(corpus, query), query


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("state", [None, State.QUEUED, State.SUCCEEDED])
async def test_pages_follow_each_other_without_gap_or_repeat(
    store: JobStore, corpus: list[Job], state: State | None, ascending: bool
) -> None:
    whole = PageQuery("a", limit=7, state=state, operation="transcode", ascending=ascending)
    walked: list[str] = []
    while True:
        query = PageQuery(
            "a",
            limit=7,
            state=state,
            operation="transcode",
            ascending=ascending,
            after_id=walked[-1] if walked else None,
        )
        page = await ids_of(store, query)
        walked += page
        if len(page) < 7:
            break
    assert walked == expected(corpus, whole)


async def test_a_walk_holds_every_job_that_was_there_while_jobs_are_added_and_move(
    store: JobStore, corpus: list[Job]
) -> None:
    before = expected(corpus, PageQuery("a"))
    walked: list[str] = []
    rng = random.Random(3)
    while True:
        after = walked[-1] if walked else None
        page = await ids_of(store, PageQuery("a", limit=11, after_id=after))
        walked += page
        if len(page) < 11:
            break
        fresh = make_job(START_MS + 10_000 + len(walked), tenant="a")
        moving = rng.choice([job for job in corpus if not job.state.terminal])
        await asyncio.gather(put(store, fresh), move(store, moving, State.CANCELLED))
    assert [job_id for job_id in walked if job_id in set(before)] == before
    assert len(set(walked)) == len(walked)


async def test_active_gives_every_open_job_of_every_tenant_once(
    store: JobStore, corpus: list[Job]
) -> None:
    found = [job.id async for batch in store.active(batch=13) for job in batch]
    assert sorted(found) == [job.id for job in corpus if not job.state.terminal]


async def test_counts_follow_every_move(store: JobStore, corpus: list[Job]) -> None:
    for tenant in ("a", "b", None):
        mine = [job for job in corpus if tenant in (None, job.tenant)]
        assert await store.counts(tenant) == {
            str(state): sum(job.state is state for job in mine) for state in State
        }
    assert set((await store.counts("nobody")).values()) == {0}


async def test_totals_sum_what_succeeded_jobs_add_once(store: JobStore) -> None:
    for size in (5, 6):
        job = make_job()
        await put(store, job)
        extra = {"totals": {"output_bytes": size}}
        await move(store, job, State.SUCCEEDED, extra=extra)
        await move(store, job, State.SUCCEEDED)
    failed = make_job(state=State.FAILED, extra={"totals": {"output_bytes": 100}})
    await put(store, failed)
    assert await store.totals("default") == {"output_bytes": 11}


# --- keys, credits ---


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


# --- expiry ---


async def test_outputs_and_records_come_due_oldest_first_and_only_of_ended_jobs(
    store: JobStore,
) -> None:
    jobs = []
    for number in range(6):
        job = make_job(expires_ms=START_MS + 100 - number, outputs=[])
        await put(store, job)
        jobs.append(job)
    for number, job in enumerate(jobs[1:]):
        await move(store, job, State.SUCCEEDED, outputs_expire_ms=START_MS + number)
    due = await store.outputs_due(START_MS + 2, 10)
    assert [job.id for job in due] == [job.id for job in jobs[1:4]]
    assert [job.id for job in await store.outputs_due(START_MS + 2, 2)] == [j.id for j in jobs[1:3]]
    due = await store.records_due(START_MS + 97, 10)
    assert [job.id for job in due] == [jobs[5].id, jobs[4].id, jobs[3].id]


async def test_outputs_are_due_no_more_once_they_are_deleted(store: JobStore) -> None:
    job = make_job()
    await put(store, job)
    await move(store, job, State.SUCCEEDED, outputs=[make_output(job)], outputs_expire_ms=START_MS)
    await move(store, job, State.SUCCEEDED, outputs_expire_ms=None)
    assert await store.outputs_due(START_MS + 1, 10) == []


async def test_a_job_begun_anew_is_not_due(store: JobStore) -> None:
    job = make_job(expires_ms=START_MS)
    await put(store, job)
    await move(store, job, State.FAILED, outputs_expire_ms=START_MS)
    await move(store, job, State.QUEUED, outputs_expire_ms=None)
    assert await store.records_due(START_MS + 1, 10) == []
    assert await store.outputs_due(START_MS + 1, 10) == []
    assert await ids_of(store, PageQuery("default", state=State.FAILED)) == []
    assert await ids_of(store, PageQuery("default", state=State.QUEUED)) == [job.id]


async def test_deleting_takes_ended_jobs_with_all_their_traces(
    store: JobStore, corpus: list[Job]
) -> None:
    ended = [job for job in corpus if job.state.terminal]
    still = [job for job in corpus if not job.state.terminal]
    assert await store.delete([job.id for job in corpus]) == len(ended)
    assert await store.delete([job.id for job in ended]) == 0
    assert set(await store.get_many([job.id for job in corpus])) == {job.id for job in still}
    for query in (PageQuery("a", limit=500), PageQuery("a", limit=500, operation="probe")):
        assert await ids_of(store, query) == expected(still, query)
    query = PageQuery("a", limit=500, input="file:///1.mp4")
    assert await ids_of(store, query) == expected(still, query)
    assert (await store.counts("a"))["succeeded"] == 0
    assert await store.records_due(START_MS + 10**12, 10) == []


async def test_deleting_a_charged_job_leaves_the_balance(store: JobStore) -> None:
    await store.grant(LedgerEntry("default", "", "grant:1", 10, START_MS))
    job = make_job(credits=3)
    await put(store, job, ledger=(LedgerEntry("default", job.id, "charge", -3, START_MS),))
    await move(store, job, State.SUCCEEDED)
    await store.delete([job.id])
    assert await store.balance("default") == 7
    assert await store.spent("default") == 3


# --- opening ---


async def test_everything_is_there_after_reopening(store_url: str) -> None:
    first = open_store(store_url)
    await first.open()
    jobs = [make_job(START_MS + n) for n in range(50)]
    await put(first, *jobs)
    await move(first, jobs[0], State.FAILED, error=ErrorInfo("x", "y"))
    await first.set_paused("light", paused=True)
    await first.close()
    second = open_store(store_url)
    await second.open()
    try:
        assert await second.get_many([job.id for job in jobs]) == {job.id: job for job in jobs}
        assert (await second.counts())["queued"] == 49
        assert await second.paused_pools() == {"light"}
    finally:
        await second.close()


async def test_a_store_that_is_not_open_is_unavailable(store_url: str) -> None:
    store = open_store(store_url)
    with pytest.raises(Unavailable):
        await store.get_many([id_at(START_MS)])


async def test_a_store_that_cannot_be_reached_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for url in (f"sqlite:///{tmp_path}/file/jobs.db", "redis://127.0.0.1:1/0"):
        with pytest.raises(Unavailable):
            await open_store(url).open()


def test_an_unknown_store_is_refused() -> None:
    for url in ("mysql://x", "jobs.db", "sqlite://relative.db", ""):
        with pytest.raises(BadRequest, match="store_url"):
            open_store(url)
