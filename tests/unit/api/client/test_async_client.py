"""The asyncio client: how it follows many jobs to their ends, and what it takes for several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.jobs.model import State
from api.client.async_client import (
    POLL_FEW,
    POLL_LEAST_S,
    POLL_MAX_S,
    POLL_MIN_S,
    AsyncClient,
    _next_pause,
)
from api.client.transport import Transport
from api.client.views import JobView, job_view
from cluster.errors import ValidationFailed


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
