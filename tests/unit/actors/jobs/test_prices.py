"""The price of a job is decided from its spec, whichever surface it came in by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reelyard.actors.jobs.model import JobSpec, TaskSpec
from reelyard.actors.jobs.plan import plan_job
from reelyard.actors.jobs.prices import price_of
from reelyard.actors.media import catalogue
from reelyard.cluster.errors import UnknownOperation

GRAPH = [
    TaskSpec(name="probe", operation="probe", inputs=["input"]),
    TaskSpec(name="video", operation="transcode", inputs=["input"]),
    TaskSpec(name="export", operation="export", inputs=["task:video"]),
]


@pytest.fixture(autouse=True)
def _prices(monkeypatch: pytest.MonkeyPatch) -> None:
    known = catalogue.load_operations()
    for name, price in {"probe": 1, "transcode": 10, "export": 100}.items():
        monkeypatch.setitem(known, name, replace(known[name], credits=price))


def spec(dialect: str, tasks: list[TaskSpec] | None = None) -> JobSpec:
    return JobSpec(
        "transcode", inputs=["https://example.com/a.mp4"], dialect=dialect, tasks=tasks or []
    )


@pytest.mark.parametrize(
    ("dialect", "alone", "graph"),
    [
        ("v1", 10, 111),
        ("dolby", 10, 111),
        ("pipelyn", 10, 111),
        ("ittybit", 10, 10),
        ("python", 0, 0),
    ],
)
def test_a_job_costs_its_tasks_or_its_operation_or_nothing(
    dialect: str, alone: int, graph: int
) -> None:
    assert price_of(spec(dialect)) == alone
    assert price_of(spec(dialect, GRAPH)) == graph


def test_the_plan_puts_the_price_on_the_job() -> None:
    assert plan_job(spec("v1", GRAPH)).credits == 111


def test_an_operation_that_is_not_there_has_no_price() -> None:
    with pytest.raises(UnknownOperation, match="sketch"):
        price_of(JobSpec("sketch"))
