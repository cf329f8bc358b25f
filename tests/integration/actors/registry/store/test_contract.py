"""What every job store promises, asked of each of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import ErrorInfo, Job, State
from reelyard.actors.registry.store.opening import open_store
from reelyard.actors.registry.store.protocol import JobStore, Write
from reelyard.actors.testing.ids import id_at
from reelyard.cluster.errors import BadRequest, Unavailable
from tests.integration.actors.registry.store_calls import expected, ids_of, move, put
from tests.unit.actors.registry.builders import START_MS, make_job, make_output


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
    assert list(answers) == [[True], [False]]


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
