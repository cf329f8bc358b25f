"""A job in ittybit's words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.jobs.model import ErrorInfo, Job, State
from reelyard.actors.testing.ids import id_at
from reelyard.api.ittybit import ittybit_shapes
from reelyard.cluster.errors import (
    InsufficientCredits,
    InvalidCursor,
    NotFound,
    ReelyardError,
    Unauthorized,
    UnsupportedOutput,
    ValidationFailed,
    error_classes,
)
from tests.unit.api.sample_jobs import (
    CREATED_MS,
    FINISHED_MS,
    STARTED_MS,
    a_job,
    a_task,
    output_file,
)

TIMES = {"started_ms": STARTED_MS, "finished_ms": FINISHED_MS, "updated_ms": FINISHED_MS}
PROBED = {
    "format": "mp4",
    "kind": "video",
    "duration_s": 62.5,
    "size": 1000,
    "streams": [{"kind": "video", "codec": "h264", "display_width": 1920, "display_height": 1080}],
}
OUTPUT = output_file(
    name="video.mp4", url="storage:x", content_type="video/mp4", facts={"duration_s": 62.5}
)


def graph(*states: State, **changes: Any) -> Job:
    probe, encode, export = states
    tasks = [
        a_task("probe", "probe", probe, result=PROBED if probe is State.SUCCEEDED else None),
        a_task("video", "transcode", encode, needs=["probe"]),
        a_task("export", "export", export, needs=["video"]),
    ]
    if probe is State.SUCCEEDED:
        tasks[0] = a_task("probe", "probe", probe, result=PROBED, **TIMES)
    if encode is State.SUCCEEDED:
        tasks[1].outputs = [OUTPUT]
    if export is State.SUCCEEDED:
        tasks[2].outputs = [OUTPUT]
    return a_job(operation="transcode", tasks=tasks, **changes)


def test_a_finished_job_is_the_founding_document_field_by_field() -> None:
    job = graph(
        *[State.SUCCEEDED] * 3,
        state=State.SUCCEEDED,
        params={"format": "mp4", "quality": "high"},
        outputs=[OUTPUT],
        **TIMES,
    )
    body = ittybit_shapes.job_body(job, {"storage:x": "https://store/video.mp4"})
    first = body["tasks"].pop(0)
    assert body | {"tasks": []} == {
        "id": ittybit_shapes.job_id_text(job.id),
        "object": "job",
        "kind": "video",
        "input": "https://example.com/video.mp4",
        "output": "https://store/video.mp4",
        "options": {"format": "mp4", "quality": "high"},
        "metadata": {},
        "status": "succeeded",
        "error": None,
        "tasks": [],
        "created_at": CREATED_MS,
        "started_at": STARTED_MS,
        "finished_at": FINISHED_MS,
        "updated_at": FINISHED_MS,
    }
    assert first == {
        "id": ittybit_shapes.task_id_text(job, job.tasks[0]),
        "object": "task",
        "kind": "probe",
        "input": {"object": "external_file", "url": "https://example.com/video.mp4"},
        "options": {},
        "output": {
            "object": "file",
            "kind": "video",
            "url": "https://example.com/video.mp4",
            "format": "mp4",
            "width": 1920,
            "height": 1080,
            "duration": 62.5,
            "filesize": 1000,
            "codecs": {"video": "h264", "audio": None},
        },
        "status": "succeeded",
        "progress": None,
        "error": None,
        "created_at": CREATED_MS,
        "started_at": STARTED_MS,
        "finished_at": FINISHED_MS,
        "updated_at": FINISHED_MS,
    }


def test_each_task_works_on_the_file_of_the_one_before() -> None:
    job = graph(*[State.SUCCEEDED] * 3, state=State.SUCCEEDED, output="s3://bucket/video.mp4")
    probe, encode, export = (ittybit_shapes.task_body(job, task, {}) for task in job.tasks)
    assert [task["kind"] for task in (probe, encode, export)] == ["probe", "video", "export"]
    assert encode["input"] == probe["output"]
    assert export["input"] == encode["output"]
    assert export["options"] == {"url": "s3://bucket/video.mp4"}


def test_a_task_waits_until_those_before_it_are_done() -> None:
    job = graph(State.RUNNING, State.QUEUED, State.QUEUED, state=State.RUNNING)
    words = [ittybit_shapes.task_body(job, task, {})["status"] for task in job.tasks]
    assert words == ["processing", "waiting", "waiting"]
    job = graph(State.SUCCEEDED, State.QUEUED, State.QUEUED, state=State.RUNNING)
    assert [ittybit_shapes.task_body(job, task, {})["status"] for task in job.tasks][1] == "queued"


def test_siblings_of_a_failed_task_are_cancelled_and_the_job_tells_the_error() -> None:
    error = ErrorInfo("corrupt_media", "It is damaged")
    job = graph(State.FAILED, State.CANCELLED, State.CANCELLED, state=State.FAILED, error=error)
    job.tasks[0].error = error
    body = ittybit_shapes.job_body(job, {})
    assert body["status"] == "failed"
    assert body["error"] == {"kind": "corrupt_media", "message": "It is damaged"}
    assert [task["status"] for task in body["tasks"]] == ["failed", "cancelled", "cancelled"]
    assert [task["error"] is None for task in body["tasks"]] == [False, True, True]


@pytest.mark.parametrize(
    ("operation", "kind", "shown"),
    [
        ("enhance", "audio", "audio"),
        ("probe", "data", "probe"),
        ("preview", "animation", "animation"),
    ],
)
def test_a_job_of_another_surface_is_told_in_these_words(
    operation: str, kind: str, shown: str
) -> None:
    body = ittybit_shapes.job_body(a_job(State.RUNNING, operation, kind=kind), {})
    assert (body["kind"], body["status"]) == (shown, "processing")
    assert [task["kind"] for task in body["tasks"]] == [shown]


@given(st.integers(min_value=0, max_value=1 << 47))
def test_ids_survive_the_way_out_and_back(ms: int) -> None:
    job = a_job(id=id_at(ms))
    assert ittybit_shapes.read_job_id(ittybit_shapes.job_id_text(job.id)) == job.id
    assert ittybit_shapes.read_job_id(job.id) == job.id
    assert ittybit_shapes.read_task_id(ittybit_shapes.task_id_text(job, job.tasks[0])) == (
        job.id,
        0,
    )


@pytest.mark.parametrize("text", ["job_abc123", "", "job_" + "u" * 26, "x" * 26])
def test_what_is_no_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        ittybit_shapes.read_job_id(text)


@pytest.mark.parametrize("text", ["task_001", "task_", "task_x_1"])
def test_what_is_no_task_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        ittybit_shapes.read_task_id(text)


def test_a_repeated_request_gets_the_job_as_it_was_submitted() -> None:
    job = graph(*[State.SUCCEEDED] * 3, state=State.SUCCEEDED, outputs=[OUTPUT], **TIMES)
    fresh = graph(*[State.QUEUED] * 3, state=State.QUEUED, id=job.id)
    assert ittybit_shapes.job_body(ittybit_shapes.as_submitted(job), {}) == ittybit_shapes.job_body(
        fresh, {}
    )


def test_every_state_has_its_word_and_every_word_finds_its_state() -> None:
    assert set(ittybit_shapes.STATES) == set(State)
    for state, word in ittybit_shapes.STATES.items():
        assert ittybit_shapes.page_query("t", status=word).state is state


def test_pages_are_newest_first_and_ask_for_one_more() -> None:
    query = ittybit_shapes.page_query("t")
    assert (query.limit, query.ascending, query.after_id) == (21, False, None)


@pytest.mark.parametrize(
    ("order", "walk", "ascending"),
    [
        ("desc", "after", False),
        ("desc", "before", True),
        ("asc", "after", True),
        ("asc", "before", False),
    ],
)
def test_before_walks_the_other_way_and_is_turned_round(
    order: str, walk: str, ascending: bool
) -> None:
    jobs = [a_job() for _ in range(4)]
    query = ittybit_shapes.page_query(
        "t", order=order, limit=3, **{walk: ittybit_shapes.job_id_text(jobs[0].id)}
    )
    assert (query.after_id, query.ascending) == (jobs[0].id, ascending)
    page, more = ittybit_shapes.in_order(jobs, 3, before=walk == "before")
    assert more
    assert page == (jobs[2::-1] if walk == "before" else jobs[:3])


def test_kinds_that_are_operations_filter_by_operation() -> None:
    assert ittybit_shapes.page_query("t", kind="probe").operation == "probe"
    assert ittybit_shapes.page_query("t", kind="video").kind == "video"


@pytest.mark.parametrize(
    "query",
    [{"status": "done"}, {"kind": "film"}, {"limit": 0}, {"limit": 101}, {"order": "up"}],
)
def test_wrong_filters_are_refused_by_name(query: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed, match=next(iter(query))):
        ittybit_shapes.page_query("t", **query)


def test_a_foreign_cursor_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        ittybit_shapes.page_query("t", after="job_abc123")
    with pytest.raises(ValidationFailed):
        ittybit_shapes.page_query("t", after=id_at(0), before=id_at(0))


@pytest.mark.parametrize("error", error_classes())
def test_every_error_has_a_kind_and_a_status(error: type[ReelyardError]) -> None:
    status, body = ittybit_shapes.http_error(error("why"), "/jobs", has_key=True)
    assert 400 <= status <= 599
    assert body["message"] == "why"
    assert body["kind"].replace("_", "").isalpha()


@pytest.mark.parametrize(
    ("error", "path", "has_key", "expected"),
    [
        (NotFound, "/jobs/job_abc123", True, (404, "job_not_found")),
        (NotFound, "/tasks/task_1", True, (404, "task_not_found")),
        (Unauthorized, "/jobs", False, (401, "token_missing")),
        (Unauthorized, "/jobs", True, (401, "token_invalid")),
        (ValidationFailed, "/jobs", True, (400, "request_invalid")),
        (UnsupportedOutput, "/jobs", True, (400, "format_unsupported")),
        (InsufficientCredits, "/jobs", True, (402, "payment_required")),
        (ReelyardError, "/jobs", True, (500, "internal_error")),
    ],
)
def test_errors_have_the_kinds_of_the_documentation(
    error: type[ReelyardError], path: str, has_key: bool, expected: Any
) -> None:
    status, body = ittybit_shapes.http_error(error("why"), path, has_key=has_key)
    assert (status, body["kind"]) == expected
