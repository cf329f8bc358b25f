"""The sizes that a job adds to its tenant's totals."""

from __future__ import annotations

from typing import Any

import pytest

from reelyard.actors.jobs.messages import Totals
from reelyard.actors.jobs.model import Job, State
from reelyard.actors.jobs.tenant_totals import totals_of
from tests.unit.actors.registry.builders import make_job, make_output, make_task

SUCCEEDED = State.SUCCEEDED


def with_outputs(job: Job, *names: str) -> Job:
    """Each of 10 bytes."""
    job.outputs = [make_output(job, name) for name in names]
    return job


def test_outputs_are_summed_and_compared_with_the_input() -> None:
    job = with_outputs(make_job(state=SUCCEEDED, input_bytes=25), "a", "b")
    assert totals_of(job) == Totals(
        output_bytes=20,
        compared_jobs=1,
        input_bytes=25,
        compared_output_bytes=20,
        saved_bytes=5,
    )


def test_larger_outputs_have_saved_nothing() -> None:
    totals = totals_of(with_outputs(make_job(state=SUCCEEDED, input_bytes=5), "a"))
    assert totals is not None
    assert (totals.input_bytes, totals.saved_bytes) == (5, 0)


def test_the_input_size_that_a_result_tells_counts() -> None:
    tasks = [make_task(result={"input_bytes": 25})]
    totals = totals_of(with_outputs(make_job(state=SUCCEEDED, tasks=tasks), "a"))
    assert totals is not None
    assert (totals.input_bytes, totals.saved_bytes) == (25, 15)


def test_an_input_size_that_only_some_of_a_graphs_results_tell_does_not_count() -> None:
    tasks = [make_task("a", result={"input_bytes": 25}), make_task("b", result={})]
    job = with_outputs(make_job(state=SUCCEEDED, tasks=tasks), "a", "b")
    assert totals_of(job) == Totals(output_bytes=20)


@pytest.mark.parametrize("fields", [{"state": State.FAILED}, {"state": State.RUNNING}])
def test_only_success_counts(fields: dict[str, Any]) -> None:
    assert totals_of(with_outputs(make_job(**fields), "a")) is None


def test_a_job_without_files_adds_nothing() -> None:
    assert totals_of(make_job(state=SUCCEEDED, input_bytes=25)) is None
