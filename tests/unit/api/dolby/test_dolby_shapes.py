"""A job in Dolby.io's words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.jobs.model import ErrorInfo, State
from reelyard.api.dolby import dolby_shapes
from reelyard.cluster.errors import (
    AlreadyFinished,
    InvalidCursor,
    NotFound,
    ReelyardError,
    Unauthorized,
    ValidationFailed,
    error_classes,
)
from tests.unit.api.sample_jobs import a_job, output_file

MOMENTS = st.integers(min_value=0, max_value=4_000_000_000_000)


def test_list_body_is_the_founding_document_word_for_word() -> None:
    job = a_job(
        State.SUCCEEDED,
        id="ad4bcd54-3d27-401f-b1c2-39b509779443",
        outputs=[output_file(facts={"duration_s": 10.472})],
    )
    assert dolby_shapes.list_body([job], None) == {
        "count": 1,
        "jobs": [
            {
                "job_id": "ad4bcd54-3d27-401f-b1c2-39b509779443",
                "api_version": "v1.1.2",
                "path": "/media/enhance",
                "status": "Success",
                "progress": 100,
                "duration": 10.472,
                "time_submitted": "2021-08-10T05:16:31.494Z",
                "time_started": "2021-08-10T05:16:32.000Z",
                "time_completed": "2021-08-10T05:17:00.074Z",
                "expiry": "2021-09-10T05:17:00.000Z",
            }
        ],
    }


def test_every_state_has_its_word_and_every_word_finds_its_state() -> None:
    assert set(dolby_shapes.STATES) == set(State)
    for state, word in dolby_shapes.STATES.items():
        assert dolby_shapes.page_query("t", 0, status=word).state is state


def test_what_has_not_come_yet_is_null_in_the_list() -> None:
    entry = dolby_shapes.list_entry(a_job(State.QUEUED))
    assert entry["status"] == "Pending"
    assert entry["duration"] == 0.0
    assert [entry[name] for name in ("time_started", "time_completed", "expiry")] == [None] * 3


@pytest.mark.parametrize(
    ("operation", "path", "version"),
    [
        ("enhance", "/media/enhance", "v1.1.2"),
        ("transcode", "/media/transcode", "v1.7"),
        ("optimize", "/media/transcode", "v1.7"),
        ("preview", "/media/transcode", "v1.7"),
        ("probe", "/media/diagnose", "b1.0"),
    ],
)
def test_a_job_of_any_surface_has_a_path_that_polls_it(
    operation: str, path: str, version: str
) -> None:
    job = a_job(State.RUNNING, operation)
    body = dolby_shapes.status_body(dolby_shapes.check_path(job, path))
    assert (body["path"], body["api_version"], body["status"]) == (path, version, "Running")


def test_a_job_is_not_found_under_the_path_of_another() -> None:
    with pytest.raises(NotFound, match="poll /media/enhance"):
        dolby_shapes.check_path(a_job(operation="enhance"), "/media/transcode")


def test_an_error_names_a_place_as_its_sender_did() -> None:
    lost = ErrorInfo("source_not_found", "the input storage:tenants/t/dlb/in/a.wav does not exist")
    error = dolby_shapes.status_body(a_job(State.FAILED, error=lost))["error"]
    assert error["detail"] == "the input dlb://in/a.wav does not exist"


def test_error_is_absent_unless_the_job_failed() -> None:
    assert "error" not in dolby_shapes.status_body(a_job(State.SUCCEEDED))
    failed = dolby_shapes.status_body(a_job(State.FAILED))
    assert failed["status"] == "Failed"
    assert failed["error"] == {
        "type": "urn:reelyard:problem:corrupt_media",
        "title": "Corrupt Media",
        "detail": "It is damaged",
        "details": "It is damaged",
    }


def test_a_probe_answers_its_media_info_inline() -> None:
    result = {
        "format": "mp4",
        "duration_s": 2.0,
        "size": 1000,
        "bit_rate": 4000,
        "streams": [
            {"kind": "video", "codec": "h264", "display_width": 64, "display_height": 36},
            {"kind": "audio", "codec": "aac", "channels": 2, "sample_rate": 48000},
        ],
    }
    info = dolby_shapes.status_body(a_job(State.SUCCEEDED, "probe", result=result))["result"][
        "media_info"
    ]
    assert info["container"] == {"kind": "mp4", "duration": 2.0, "bitrate": 4000, "size": 1000}
    assert (info["video"]["width"], info["video"]["height"]) == (64, 36)
    assert (info["audio"]["codec"], info["audio"]["channels"]) == ("aac", 2)


def test_count_is_the_number_in_the_page_and_the_last_page_has_no_token() -> None:
    jobs = [a_job() for _ in range(3)]
    assert dolby_shapes.list_body(jobs, "abc") | {"jobs": []} == {
        "count": 3,
        "jobs": [],
        "next_token": "abc",
    }
    assert "next_token" not in dolby_shapes.list_body(jobs, None)


@given(MOMENTS)
def test_times_survive_the_way_out_and_back(ms: int) -> None:
    text = dolby_shapes.iso(ms)
    assert text is not None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert dolby_shapes.read_time("submitted_after", text) == ms


@given(MOMENTS)
def test_expiry_is_one_calendar_month_later_in_whole_seconds(ms: int) -> None:
    expiry = dolby_shapes.expiry_ms(ms)
    assert expiry % 1000 == 0
    before, after = (datetime.fromtimestamp(at // 1000, UTC) for at in (ms, expiry))
    assert (after.year * 12 + after.month) - (before.year * 12 + before.month) == 1
    assert (before.hour, before.minute, before.second) == (after.hour, after.minute, after.second)
    assert after.day == before.day or (after.day < before.day and after.day >= 28)


@pytest.mark.parametrize(
    "text",
    [
        "2021-08-10T05:16:31.494Z",
        "2021-08-10T05:16:31.494+00:00",
        "2021-08-10T05:16:31.494 00:00",
        "2021-08-10T07:16:31.494+02:00",
        "2021-08-10T05:16:31.494",
    ],
)
def test_iso_8601_is_read_in_its_usual_forms(text: str) -> None:
    assert dolby_shapes.read_time("submitted_after", text) == 1_628_572_591_494


def test_a_date_alone_is_its_midnight_in_utc() -> None:
    assert dolby_shapes.read_time("submitted_before", "2021-08-10") == 1_628_553_600_000


@pytest.mark.parametrize(
    "query",
    [
        {"status": "success"},
        {"submitted_after": "yesterday"},
        {"submitted_after": "2021-08-10", "submitted_before": "2021-08-09"},
    ],
)
def test_wrong_filters_are_refused_by_name(query: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed, match=list(query)[-1]):
        dolby_shapes.page_query("t", 0, **query)


def test_nothing_before_the_window_of_31_days_is_asked_for() -> None:
    now = dolby_shapes.read_time("now", "2021-09-10T00:00:00Z")
    since = dolby_shapes.read_time("since", "2021-08-10T00:00:00Z")
    assert dolby_shapes.page_query("t", now).created_from_ms == since
    assert dolby_shapes.page_query("t", now, submitted_after="2020-01-01").created_from_ms == since
    later = dolby_shapes.page_query(
        "t", now, submitted_after="2021-09-01", submitted_before="2021-09-02"
    )
    assert later.created_from_ms == dolby_shapes.read_time("since", "2021-09-01")
    assert later.created_to_ms == dolby_shapes.read_time("until", "2021-09-02")


def test_the_next_token_carries_the_whole_query() -> None:
    job = a_job()
    query = dolby_shapes.page_query("t", 0, status="Running", submitted_before="2021-09-02")
    resumed = dolby_shapes.resume_query("t", dolby_shapes.next_cursor(query, [job]))
    assert resumed.after_id == job.id
    assert (resumed.state, resumed.created_to_ms) == (query.state, query.created_to_ms)


@pytest.mark.parametrize("cursor", [{}, {"state": "x", "from": 0, "to": 0, "after": ""}])
def test_a_foreign_next_token_is_refused(cursor: dict[str, Any]) -> None:
    with pytest.raises(InvalidCursor):
        dolby_shapes.resume_query("t", cursor)


@pytest.mark.parametrize("error", error_classes())
def test_every_error_has_a_whole_problem_body(error: type[ReelyardError]) -> None:
    body = dolby_shapes.http_error(error("why"), "/media/enhance")
    assert set(body) == {"type", "title", "status", "detail", "instance"}
    assert 400 <= body["status"] <= 599
    assert body["detail"] == "why"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValidationFailed, 400),
        (AlreadyFinished, 400),
        (Unauthorized, 401),
        (NotFound, 404),
        (ReelyardError, 500),
    ],
)
def test_errors_have_the_status_that_the_clients_expect(
    error: type[ReelyardError], status: int
) -> None:
    assert dolby_shapes.http_error(error("why"), "/x")["status"] == status
