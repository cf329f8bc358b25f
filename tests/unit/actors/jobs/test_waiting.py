"""What keeps a queued job from being run."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reelyard.actors.jobs.messages import Health, HealthPart
from reelyard.actors.jobs.model import State
from reelyard.actors.jobs.waiting import waiting_for
from tests.unit.actors.registry.builders import make_job

WELL = Health("ok", [HealthPart("scratch"), HealthPart("workers")])


def test_a_job_that_waits_for_its_turn_alone_waits_for_nothing_else() -> None:
    assert waiting_for(make_job(), WELL) is None


def test_a_part_that_is_not_well_is_what_a_queued_job_waits_for() -> None:
    health = replace(WELL, parts=[HealthPart("scratch", ok=False, reason="the disk is full")])
    assert waiting_for(make_job(), health) == "scratch: the disk is full"


def test_a_paused_pool_is_told_to_the_jobs_of_that_pool_alone() -> None:
    job = make_job()
    (pool,) = {task.pool for task in job.tasks}
    assert "paused" in (waiting_for(job, replace(WELL, paused_pools=[pool])) or "")
    assert waiting_for(job, replace(WELL, paused_pools=["another"])) is None


@pytest.mark.parametrize("state", [state for state in State if state is not State.QUEUED])
def test_a_job_that_runs_or_has_ended_waits_for_nothing(state: State) -> None:
    job = make_job()
    job.state = state
    assert waiting_for(job, replace(WELL, paused_pools=["cpu", "light"])) is None
