"""Pages planned over an index in memory, against a plain filter."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import Job, State
from reelyard.actors.registry.store.index import (
    CODES,
    Partition,
    Scan,
    id_bytes,
    input_facet,
    matches,
    plan_scan,
    state_rows,
)
from reelyard.actors.registry.store.pages import to_ids, walk
from reelyard.actors.testing.ids import id_at
from tests.unit.actors.registry.builders import START_MS, make_job

PAIRS = [("transcode", "video"), ("transcode", "audio"), ("probe", "data")]
INPUTS = ["a", "b", ""]


def index_of(jobs: list[Job]) -> dict[tuple[int, int], list[bytes]]:
    rows = defaultdict(list)
    for job in jobs:
        for row in state_rows(job.tenant, job.operation, job.kind, CODES[job.state]):
            rows[row].append(id_bytes(job.id))
        if job.input:
            rows[input_facet(job.tenant, job.input), int(Partition.ANY)].append(id_bytes(job.id))
    return rows


def page(jobs: list[Job], query: PageQuery) -> list[Job]:
    index, by_id = index_of(jobs), {id_bytes(job.id): job for job in jobs}

    def ids(scan: Scan, limit: int) -> list[bytes]:
        found = {i for row in scan.rows for i in index[row] if scan.low <= i < scan.high}
        return sorted(found, reverse=not scan.ascending)[:limit]

    walking = walk(query, plan_scan(query, PAIRS))
    wanted = next(walking)
    while True:
        found = ids(*wanted)
        try:
            wanted = walking.send((found, {i: by_id[i] for i in found}))
        except StopIteration as done:
            return list(done.value)


jobs_of = st.lists(
    st.builds(
        lambda ms, tenant, pair, state, name: make_job(
            START_MS + ms,
            tenant=tenant,
            operation=pair[0],
            kind=pair[1],
            state=state,
            input=name,
        ),
        st.integers(0, 20),
        st.sampled_from(["t", "u"]),
        st.sampled_from(PAIRS),
        st.sampled_from(list(State)),
        st.sampled_from(INPUTS),
    ),
    max_size=25,
)
queries = st.builds(
    PageQuery,
    tenant=st.just("t"),
    limit=st.integers(1, 8),
    state=st.sampled_from([None, *State]),
    operation=st.sampled_from([None, "transcode", "probe", "none"]),
    kind=st.sampled_from([None, "video", "audio", "none"]),
    input=st.sampled_from([None, "a", "b"]),
    created_from_ms=st.one_of(st.none(), st.integers(START_MS, START_MS + 20)),
    created_to_ms=st.one_of(st.none(), st.integers(START_MS, START_MS + 20)),
    after_id=st.one_of(st.none(), st.integers(0, 20).map(lambda ms: id_at(START_MS + ms))),
    ascending=st.booleans(),
)


def wanted(job: Job, query: PageQuery) -> bool:
    after = query.after_id
    return (
        matches(job, query)
        and (query.created_from_ms is None or job.created_ms >= query.created_from_ms)
        and (query.created_to_ms is None or job.created_ms <= query.created_to_ms)
        and (after is None or (job.id > after if query.ascending else job.id < after))
    )


@settings(max_examples=300, deadline=None)
@given(jobs_of, queries)
def test_a_page_holds_the_first_jobs_that_match(jobs: list[Job], query: PageQuery) -> None:
    expected = sorted(
        (job for job in jobs if wanted(job, query)),
        key=lambda job: job.id,
        reverse=not query.ascending,
    )
    assert page(jobs, query) == expected[: query.limit]


def test_a_lease_moves_no_row() -> None:
    queued = set(state_rows("t", "o", "k", CODES[State.QUEUED]))
    running = set(state_rows("t", "o", "k", CODES[State.RUNNING]))
    assert queued < running
    assert len(running - queued) == 1


def test_tenants_and_inputs_share_no_rows() -> None:
    rows = [set(state_rows(t, "o", "k", code)) for t in ("a", "b") for code in CODES.values()]
    assert not rows[0] & rows[-1]
    assert input_facet("a", "x") != input_facet("b", "x")


def test_ids_that_no_store_can_hold_are_left_out() -> None:
    good = id_at(START_MS)
    assert list(to_ids([good, "", "zz", good[:8], "1" * 33]).values()) == [good]
