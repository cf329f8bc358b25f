"""The asyncio client: how it follows many jobs to their ends, and what it takes for several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.jobs.model import State
from reelyard.api.client.async_client import (
    POLL_FEW,
    POLL_LEAST_S,
    POLL_MAX_S,
    POLL_MIN_S,
    AsyncClient,
    _next_pause,
)
from reelyard.api.client.request import JobRequest
from reelyard.api.client.transport import Answer, Transport
from reelyard.api.client.views import JobView, job_view
from reelyard.cluster.errors import InvalidInput, ValidationFailed


class Jobs:
    """Jobs that end only when somebody waits for them."""

    def __init__(self, count: int) -> None:
        self.states = {f"job-{number}": State.RUNNING for number in range(count)}
        self.waited: list[str] = []

    def _view(self, job_id: str) -> JobView:
        return job_view({"job_id": job_id, "operation": "probe", "state": self.states[job_id]})

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, JobView]:
        return {job_id: self._view(job_id) for job_id in job_ids}

    async def wait(self, job_id: str, timeout_s: float) -> JobView:
        assert 0 < timeout_s <= POLL_MAX_S
        self.waited.append(job_id)
        self.states[job_id] = State.SUCCEEDED
        return self._view(job_id)


async def test_the_last_few_jobs_are_waited_for() -> None:
    jobs = Jobs(POLL_FEW)
    client = AsyncClient(transport=cast("Transport", jobs))
    ended = await client.wait_all(list(jobs.states))
    assert [job.job_id for job in ended] == list(jobs.states)
    assert jobs.waited == list(reversed(jobs.states))


pauses = st.floats(POLL_LEAST_S, POLL_MAX_S)
counts = st.integers(1, 100_000)


@given(pause=pauses, pending=counts, ended=st.integers(0, 1000))
def test_a_pause_has_bounds(pause: float, pending: int, ended: int) -> None:
    assert POLL_LEAST_S <= _next_pause(pause, pending, ended) <= POLL_MAX_S


@given(pause=pauses, pending=counts)
def test_without_news_the_pauses_grow(pause: float, pending: int) -> None:
    assert _next_pause(pause, pending, 0) >= pause or pause > POLL_MAX_S


def test_near_the_end_the_pauses_follow_the_pace() -> None:
    # 50 in half a second: the next 46 take 0.46 s, more than so few may be left alone.
    assert _next_pause(0.5, 50, 50) == POLL_MIN_S * 2
    assert _next_pause(0.1, POLL_FEW + 5, 20) == 0.1 * 5 / 20


@pytest.mark.parametrize("one", ["clip.mp4", Path("clip.mp4")])
async def test_one_path_is_not_taken_for_several(one: Any) -> None:
    client = AsyncClient(transport=cast("Transport", None))
    with pytest.raises(ValidationFailed, match=r"as a list; not just 'clip\.mp4'"):
        await client.submit_many("probe", one)
    with pytest.raises(ValidationFailed, match="jobs: takes several"):
        await client.wait_all(one)


class Picky:
    """Takes on what is called good."""

    async def submit_many(self, requests: Sequence[JobRequest]) -> list[Answer]:
        return [self._answer(str(item.inputs[0])) for item in requests]

    def _answer(self, source: str) -> Answer:
        if not source.startswith("good"):
            return ValidationFailed(f"{source} is bad")
        return job_view({"job_id": source, "operation": "probe", "state": "succeeded"})

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, JobView]:
        views = {job_id: self._answer(job_id) for job_id in job_ids}
        return {job_id: view for job_id, view in views.items() if isinstance(view, JobView)}


async def test_a_bad_input_among_many_has_its_error_in_its_place() -> None:
    client = AsyncClient(transport=cast("Transport", Picky()))
    jobs = await client.submit_many("probe", ["good-1", "bad", cast("Any", 5), Path("good-2")])
    assert [job.job_id for job in jobs] == ["good-1", "", "", "good-2"]
    assert [job.refused for job in jobs] == [False, True, True, False]
    assert [job.source_url for job in jobs[1:3]] == ["bad", "5"]
    assert jobs[1].error is not None
    assert jobs[1].error.message == "bad is bad"
    assert isinstance(jobs[2].exception(), InvalidInput)
    assert [job.job_id for job in await client.wait_all(jobs)] == ["good-1", "", "", "good-2"]
    ended = [job async for job in client.as_completed(jobs)]
    assert sorted(job.job_id for job in ended) == ["", "", "good-1", "good-2"]
    assert await client.wait(jobs[1]) == await client.get(jobs[1]) == jobs[1]
    with pytest.raises(ValidationFailed, match="bad is bad"):
        await client.results(jobs)


async def test_where_none_of_many_is_taken_on_the_first_reason_is_raised() -> None:
    client = AsyncClient(transport=cast("Transport", Picky()))
    with pytest.raises(ValidationFailed, match="bad-1 is bad"):
        await client.submit_many("probe", ["bad-1", "bad-2"])
    assert await client.submit_many("probe", []) == []
