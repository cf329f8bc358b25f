"""A job as the client hands it out: one meaning over Ray and over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reelyard.actors.jobs.model import Attempt, ErrorInfo, Job, Outcome, State
from reelyard.actors.jobs.times import iso
from reelyard.api.client.async_client import AsyncClient
from reelyard.api.client.views import JobView, accepted_view, job_id_of, job_view, view_of
from reelyard.api.v1.v1_shapes import accepted_job, whole_job
from reelyard.cluster.errors import Cancelled, Gone, NotReady, ValidationFailed
from tests.unit.api.sample_jobs import (
    CREATED_MS,
    FINISHED_MS,
    STARTED_MS,
    a_job,
    a_task,
    output_file,
)

OUTPUTS_END_MS = FINISHED_MS + 86_400_000
URLS_END_MS = FINISHED_MS + 3_600_000
SIGNED = {output_file().url: "https://yard/api/files/signed"}


def a_running_job() -> Job:
    attempt = Attempt(1, "cpu-0", "node", "cpu", STARTED_MS, incarnation="i")
    running = a_task("optimize", "optimize", State.RUNNING, attempts=[attempt], progress=12.5)
    running.phase, running.speed, running.eta_s = "encode", 2.0, 30.5
    return a_job(State.RUNNING, tasks=[running, a_task("still", "preview", needs=["optimize"])])


def a_finished_job(*, deleted: bool = False) -> Job:
    attempt = Attempt(1, "cpu-0", "node", "cpu", STARTED_MS, FINISHED_MS, Outcome.SUCCEEDED)
    return a_job(
        State.SUCCEEDED,
        tasks=[a_task("optimize", "optimize", State.SUCCEEDED, attempts=[attempt])],
        outputs=[output_file(deleted=deleted)],
        outputs_expire_ms=OUTPUTS_END_MS,
        result={"width": 720},
        priority=3,
        metadata={"shelf": "b4"},
    )


@pytest.mark.parametrize(
    "job",
    [
        a_job(),
        a_running_job(),
        a_finished_job(),
        a_finished_job(deleted=True),
        a_job(State.FAILED),
        a_job(State.CANCELLED),
    ],
    ids=["queued", "running", "succeeded", "expired", "failed", "cancelled"],
)
def test_a_job_is_seen_the_same_over_ray_and_over_http(job: Job) -> None:
    over_http = job_view(json.loads(msgspec.json.encode(whole_job(job, SIGNED, URLS_END_MS))))
    assert view_of(job, SIGNED, URLS_END_MS) == over_http
    assert len(over_http.tasks) == len(job.tasks)


def test_each_expiry_has_one_name() -> None:
    view = view_of(a_finished_job(), SIGNED, URLS_END_MS)
    assert view.expires_at == view.outputs[0].expires_at == iso(OUTPUTS_END_MS)
    assert view.urls_expire_at == iso(URLS_END_MS)
    assert view_of(a_finished_job(), SIGNED, None).urls_expire_at is None
    assert view_of(a_running_job(), {}, None).expires_at is None


def test_tasks_tell_of_their_attempts() -> None:
    first, second = view_of(a_running_job(), {}, None).tasks
    assert (first["state"], first["phase"], first["eta_s"]) == ("running", "encode", 30.5)
    assert first["attempts"][0]["worker"] == "cpu-0"
    assert type(first["attempts"][0]["outcome"]) is str
    assert second["needs"] == ["optimize"]


def test_a_jobs_error_keeps_its_details() -> None:
    error = ErrorInfo("limit_exceeded", "too large", details={"limit": "max_pixels"})
    raised = view_of(a_job(State.FAILED, error=error), {}, None).exception()
    assert raised is not None
    assert raised.details == {"limit": "max_pixels"}


def test_an_accepted_job_shows_what_was_asked() -> None:
    view = accepted_view(accepted_job(a_job(State.RUNNING)), {"width": 64})
    assert view.state is State.QUEUED
    assert view.parameters == {"width": 64}
    assert view.created_at == iso(CREATED_MS)


async def test_an_output_that_was_deleted_has_no_url_and_is_not_downloaded(tmp_path: Path) -> None:
    view = view_of(a_finished_job(deleted=True), {}, None)
    assert view.outputs[0].deleted
    assert view.outputs[0].url == ""
    assert view.path is None
    async with AsyncClient("http://127.0.0.1:1") as client:
        with pytest.raises(Gone, match=r"clip\.webm"):
            await client.download(view, tmp_path)


def test_an_id_is_taken_in_each_of_its_forms() -> None:
    job = view_of(a_job(), {}, None)
    assert job_id_of(job.id.replace("-", "")) == job_id_of(job.id.upper()) == job_id_of(job)
    assert job_id_of("no-id") == "no-id"


@pytest.mark.parametrize("job", [None, 5, ["x"]])
def test_what_is_neither_a_job_nor_an_id_is_refused_as_such(job: Any) -> None:
    with pytest.raises(ValidationFailed, match="job: must be a job or the id of one, not "):
        job_id_of(job)


def test_a_result_is_there_only_once_a_job_has_succeeded() -> None:
    assert JobView("id", "probe", State.SUCCEEDED).result() == {}
    with pytest.raises(NotReady, match="running"):
        JobView("id", "probe", State.RUNNING).result()
    cancelled = JobView("id", "probe", State.CANCELLED)
    assert isinstance(cancelled.exception(), Cancelled)
    with pytest.raises(Cancelled):
        cancelled.result()
