"""A spec becomes a job with its tasks, or is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from pydantic import Field

from reelyard.actors.jobs.model import JobSpec, State, TaskSpec
from reelyard.actors.jobs.plan import plan_job
from reelyard.actors.jobs.times import DAY_MS
from reelyard.actors.media import catalogue
from reelyard.actors.media.catalogue import operation
from reelyard.actors.media.operation import Lane, Params, Result, Work
from reelyard.cluster.errors import InvalidInput, UnknownOperation, ValidationFailed


class _StretchParams(Params):
    """Stretch it."""

    format: Literal["mp4", "webm", "jpeg"] = "mp4"
    factor: float = Field(1.0, gt=0, le=10)
    short: bool = False


def _lane(params: _StretchParams) -> Lane:
    return "light" if params.short else "cpu"


@pytest.fixture(autouse=True)
def _stretch() -> Iterator[None]:
    catalogue.load_operations()

    @operation("stretch", params=_StretchParams, lane=_lane, inputs=(1, 2))
    def stretch(work: Work[_StretchParams]) -> Result:
        return Result()

    yield
    del catalogue._catalogue["stretch"]


def spec(**changes: object) -> JobSpec:
    fields: dict[str, object] = {"operation": "stretch", "inputs": ["file:///a.mp4"]} | changes
    return JobSpec(**fields)  # type: ignore[arg-type]


def test_a_job_of_one_step_has_one_task_with_complete_parameters() -> None:
    job = plan_job(spec(params={"factor": 2}))
    (task,) = job.tasks
    assert task.params == {"format": "mp4", "factor": 2.0, "short": False}
    assert job.params == {"factor": 2}
    assert (task.pool, task.inputs, job.input) == ("cpu", ["file:///a.mp4"], "file:///a.mp4")
    assert (job.state, job.kind, job.rev) == (State.QUEUED, "video", 0)
    assert job.expires_ms == job.created_ms + 31 * DAY_MS
    assert [change.state for change in job.history] == [State.QUEUED]


def test_the_suffix_of_the_output_chooses_the_format_unless_it_is_given() -> None:
    def planned(output: str, **params: object) -> object:
        return plan_job(spec(output=output, params=params)).tasks[0].params["format"]

    assert planned("file:///b.webm") == "webm"
    assert planned("s3://bucket/b.JPG?x=1") == "jpeg"
    assert planned("file:///b.webm", format="mp4") == "mp4"
    assert planned("file:///folder/") == "mp4"
    with pytest.raises(ValidationFailed, match="format"):
        planned("file:///b.docx")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"params": {"factor": 11}}, "factor"),
        ({"params": {"factor": "wide"}}, "factor"),
        ({"params": {"colour": "red"}}, "colour"),
        ({"priority": 101}, "priority"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_name(
    changes: dict[str, object], named: str
) -> None:
    with pytest.raises(ValidationFailed, match=named):
        plan_job(spec(**changes))


def test_an_output_that_is_the_input_is_refused() -> None:
    with pytest.raises(ValidationFailed, match=r"a\.mp4 is the input"):
        plan_job(spec(output="file:///a.mp4"))


def test_an_unknown_operation_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownOperation, match="stretch"):
        plan_job(spec(operation="sketch"))


@pytest.mark.parametrize("inputs", [[], ["file:///a"] * 3])
def test_a_wrong_number_of_inputs_is_refused(inputs: list[str]) -> None:
    with pytest.raises(InvalidInput, match="1 to 2"):
        plan_job(spec(inputs=inputs))


def test_short_work_keeps_its_lane_whatever_pool_was_asked_for() -> None:
    assert plan_job(spec(pool="gpu")).tasks[0].pool == "gpu"
    assert plan_job(spec(pool="gpu", params={"short": True})).tasks[0].pool == "light"


def graph(*steps: tuple[str, list[str]]) -> JobSpec:
    return spec(
        tasks=[TaskSpec(name=name, operation="stretch", inputs=inputs) for name, inputs in steps]
    )


def test_a_graphs_tasks_wait_for_those_whose_outputs_they_take() -> None:
    job = plan_job(graph(("one", ["input"]), ("two", ["task:one"]), ("three", ["task:two"])))
    assert [task.needs for task in job.tasks] == [[], ["one"], ["two"]]
    assert job.task("one").inputs == ["file:///a.mp4"]


@pytest.mark.parametrize(
    "steps",
    [
        [("one", ["task:two"]), ("two", ["task:one"])],
        [("one", ["task:one"])],
        [("one", ["task:nobody"])],
        [("one", ["input"]), ("one", ["input"])],
    ],
    ids=["a circle", "itself", "a missing one", "twice the same name"],
)
def test_a_graph_that_can_never_finish_is_refused(steps: list[tuple[str, list[str]]]) -> None:
    with pytest.raises(ValidationFailed, match="tasks"):
        plan_job(graph(*steps))


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("file:///out/" + "x" * 256, "256 bytes"),
        ("file:///" + "ü" * 128 + "/a.mp4", "256 bytes"),
        ("file:///out/a%00b.mp4", "NUL"),
    ],
)
def test_an_output_that_no_disk_takes_is_refused_before_the_work(output: str, reason: str) -> None:
    with pytest.raises(ValidationFailed, match=reason):
        plan_job(JobSpec("stretch", ["file:///in.mp4"], output=output, params={"format": "mp4"}))
    plan_job(JobSpec("stretch", ["file:///in.mp4"], output="file:///" + "x" * 251 + ".mp4"))
