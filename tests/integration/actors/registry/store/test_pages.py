"""What every job store promises of its pages, counts and sums."""

from __future__ import annotations

import asyncio
import random

import pytest
from msgspec.structs import replace

from reelyard.actors.jobs.messages import PageQuery, Totals
from reelyard.actors.jobs.model import Job, State
from reelyard.actors.registry.store.protocol import JobStore
from tests.integration.actors.registry.store_calls import expected, ids_of, move, put
from tests.unit.actors.registry.builders import START_MS, make_job, make_output
from tests.unit.actors.registry.old_records import ended_record, put_record, running_record


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
    for read in (None, 12, 4):
        job = make_job(input_bytes=read)
        await put(store, job)
        await move(store, job, State.SUCCEEDED, outputs=[make_output(job)])
        await move(store, job, State.SUCCEEDED)
    failed = make_job(state=State.FAILED, input_bytes=100)
    failed.outputs = [make_output(failed)]
    await put(store, failed)
    assert await store.totals("nobody") == Totals()
    assert await store.totals("default") == Totals(
        output_bytes=30, compared_jobs=2, input_bytes=16, compared_output_bytes=20, saved_bytes=2
    )


async def test_a_job_that_the_version_before_began_adds_to_the_totals_as_ever(
    store: JobStore,
) -> None:
    record = running_record()
    await put_record(store, record, State.RUNNING)
    job = (await store.get_many([record.job_id]))[record.job_id]
    output = replace(make_output(job), size=400)
    await move(store, job, State.SUCCEEDED, outputs=[output])
    assert await store.totals("acme") == Totals(
        output_bytes=400,
        compared_jobs=1,
        input_bytes=1000,
        compared_output_bytes=400,
        saved_bytes=600,
    )


async def test_a_job_that_the_version_before_ended_is_not_counted_again(store: JobStore) -> None:
    record = ended_record()
    await put_record(store, record, State.SUCCEEDED)
    job = (await store.get_many([record.job_id]))[record.job_id]
    await move(store, job, State.SUCCEEDED, outputs_expire_ms=None)
    assert await store.totals("acme") == Totals()
