"""A job in Pipelyn's words."""

from __future__ import annotations

from typing import Any

import pytest

from reelyard.actors.jobs.messages import Totals, Usage
from reelyard.actors.jobs.model import ErrorInfo, Job, State
from reelyard.api.pipelyn import pipelyn_shapes
from reelyard.cluster.errors import (
    EmptySource,
    InvalidInput,
    NotFound,
    NotReady,
    ReelyardError,
    TimedOut,
    TooLarge,
    Unauthorized,
    UnsupportedType,
    error_classes,
)
from tests.unit.api.sample_jobs import CREATED_MS, FINISHED_MS, a_job, output_file

EXTRA = {"filename": "clip.mp4"}
RESULT = {"strategy": "video-webm-vp9", "input_duration_s": 30, "input_width": 1920}


def done_job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "params": {"preset": "low-bandwidth"},
        "input_bytes": 4_200_000,
        "extra": EXTRA,
        "result": RESULT,
        "outputs": [output_file()],
    } | changes
    return a_job(State.SUCCEEDED, "optimize", **fields)


def test_a_done_job_is_the_founding_document_word_for_word() -> None:
    job = done_job()
    body = pipelyn_shapes.status_body(job, "https://files/clip.webm")
    assert body == {
        "jobId": job.id,
        "status": "done",
        "preset": "low-bandwidth",
        "filename": "clip.mp4",
        "inputBytes": 4_200_000,
        "createdAt": CREATED_MS,
        "updatedAt": FINISHED_MS,
        "completedAt": FINISHED_MS,
        "result": {
            "kind": "video",
            "strategy": "video-webm-vp9",
            "contentType": "video/webm",
            "filename": "clip.webm",
            "outputBytes": 312_000,
            "savedBytes": 3_888_000,
            "savedPercent": 92.57,
            "inputDurationSec": 30,
            "outputDurationSec": 30,
            "inputWidth": 1920,
            "outputWidth": 720,
        },
        "downloadUrl": "https://files/clip.webm",
    }


def test_a_submission_is_answered_as_the_document_shows() -> None:
    job = a_job(operation="optimize")
    assert pipelyn_shapes.accepted_body(job) == {
        "jobId": job.id,
        "status": "pending",
        "createdAt": CREATED_MS,
    }


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State.QUEUED, "pending"),
        (State.RUNNING, "processing"),
        (State.SUCCEEDED, "done"),
        (State.FAILED, "failed"),
        (State.CANCELLED, "failed"),
    ],
)
def test_result_comes_only_when_done_and_error_only_when_failed(state: State, word: str) -> None:
    body = pipelyn_shapes.status_body(a_job(state, "optimize", outputs=[output_file()]), "url")
    assert body["status"] == word
    assert ("result" in body) == (word == "done")
    assert ("error" in body) == (word == "failed")
    assert body["downloadUrl"] == ("url" if word == "done" else None)


def test_a_bigger_output_has_saved_nothing() -> None:
    result = pipelyn_shapes.result_body(done_job(outputs=[output_file(size=5_000_000)]))
    assert (result["savedBytes"], result["savedPercent"]) == (0, 0)


def test_an_image_has_no_durations() -> None:
    image = output_file(
        name="photo.webp", content_type="image/webp", kind="image", facts={"width": 1400}
    )
    result = pipelyn_shapes.result_body(
        done_job(outputs=[image], result={"strategy": "image-webp"})
    )
    assert not {"inputDurationSec", "outputDurationSec", "inputWidth"} & set(result)
    assert result["outputWidth"] == 1400


def test_a_job_of_another_surface_is_told_in_these_words() -> None:
    body = pipelyn_shapes.status_body(
        a_job(State.SUCCEEDED, "probe", result={"format": "mp4"}), None
    )
    assert (body["preset"], body["filename"], body["inputBytes"]) == ("web", "video.mp4", 0)
    assert body["result"]["strategy"] == "probe"


@pytest.mark.parametrize(
    ("name", "preset"),
    [("mobile", "mobile"), ("low-bandwidth", "low-bandwidth"), ("huge", "web"), (None, "web")],
)
def test_an_unknown_preset_is_web(name: str | None, preset: str) -> None:
    assert pipelyn_shapes.preset_of(name) == preset


def test_presets_and_limits_are_told_as_the_server_tells_them() -> None:
    body = pipelyn_shapes.presets_body()
    assert body["defaultPreset"] == "web"
    assert body["presets"][0] == {
        "name": "mobile",
        "maxWidth": 900,
        "imageQuality": 78,
        "videoCrf": 28,
        "videoBitrateKbps": 1200,
        "audioBitrateKbps": 96,
    }
    assert pipelyn_shapes.limits_body(120 << 20) == {
        "maxInputBytes": 125_829_120,
        "maxInputMegabytes": 120,
    }


def test_usage_is_the_tenants_sums() -> None:
    # Jobs of other kinds write files too; what they read is not known, so nothing was saved.
    totals = Totals(
        output_bytes=100,
        compared_jobs=2,
        input_bytes=10,
        compared_output_bytes=4,
        saved_bytes=6,
    )
    usage = Usage("t", None, 0, {"succeeded": 3, "failed": 1}, totals)
    assert pipelyn_shapes.usage_body(usage) == {
        "totalJobs": 2,
        "totalInputBytes": 10,
        "totalOutputBytes": 4,
        "totalSavedBytes": 6,
    }


def test_sync_headers_hold_every_figure_and_blanks_for_what_is_unknown() -> None:
    job = done_job(result={"strategy": "video-webm-vp9"})
    headers = pipelyn_shapes.sync_headers(job, Usage("t", None, 0, {}, Totals(compared_jobs=1)))
    assert headers["x-pipelyn-kind"] == "video"
    assert headers["x-pipelyn-preset"] == "low-bandwidth"
    assert headers["x-pipelyn-saved-percent"] == "92.57"
    assert headers["x-pipelyn-input-duration"] == ""
    assert headers["x-pipelyn-total-jobs"] == "1"
    assert len([name for name in headers if name.startswith("x-pipelyn-")]) == 13


@pytest.mark.parametrize("error", error_classes())
def test_every_error_has_a_code_and_a_status(error: type[ReelyardError]) -> None:
    status, body = pipelyn_shapes.http_error(error("why"), "/api/media/jobs")
    assert 400 <= status <= 599
    assert set(body) == {"error", "code"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInput, 400, "invalid-input"),
        (EmptySource, 400, "invalid-input"),
        (Unauthorized, 401, "unauthorized"),
        (NotFound, 404, "not-found"),
        (NotReady, 409, "not-ready"),
        (TooLarge, 413, "too-large"),
        (UnsupportedType, 415, "unsupported-type"),
        (TimedOut, 504, "encode-timeout"),
        (ReelyardError, 500, "unknown"),
    ],
)
def test_errors_have_the_codes_of_the_server(
    error: type[ReelyardError], status: int, code: str
) -> None:
    assert pipelyn_shapes.http_error(error("why"), "/api/media/jobs") == (
        status,
        {"error": pipelyn_shapes.UNAUTHORIZED if status == 401 else "why", "code": code},
    )


@pytest.mark.parametrize(
    ("ours", "declared", "theirs"),
    [
        ("empty_source", "video/mp4", "invalid-input"),
        ("corrupt_media", "video/mp4", "encode-failed"),
        ("corrupt_media", "text/plain", "unsupported-type"),
        ("unsupported_format", "video/mp4", "encode-failed"),
        ("no_such_stream", "audio/mpeg", "unsupported-type"),
        ("unsupported_type", "video/mp4", "unsupported-type"),
        ("stalled", "video/mp4", "encode-timeout"),
        ("worker_lost", "video/mp4", "unknown"),
    ],
)
def test_a_failed_job_tells_what_the_server_would(ours: str, declared: str, theirs: str) -> None:
    job = a_job(State.FAILED, "optimize", error=ErrorInfo(ours, "why"))
    job.extra = {"content_type": declared}
    assert pipelyn_shapes.job_error(job) == {"message": "why", "code": theirs}


def test_a_missing_file_has_no_code_on_the_sync_path_only() -> None:
    error = InvalidInput(pipelyn_shapes.NO_FILE)
    told = {"error": pipelyn_shapes.NO_FILE}
    assert pipelyn_shapes.http_error(error, "/api/media/optimize") == (400, told)
    assert pipelyn_shapes.http_error(error, "/api/media/jobs") == (
        400,
        told | {"code": "invalid-input"},
    )


def test_a_broken_form_is_answered_as_the_server_does() -> None:
    for path, expected in (
        ("/api/media/jobs", (413, "too-large")),
        (pipelyn_shapes.SYNC, (500, "unknown")),
    ):
        status, body = pipelyn_shapes.http_error(pipelyn_shapes.broken_form(path, "why"), path)
        assert (status, body["code"]) == expected


@pytest.mark.parametrize("content_type", ["text/plain", "audio/mpeg", "application/pdf"])
def test_only_images_and_videos_are_taken(content_type: str) -> None:
    pipelyn_shapes.check_type("video/mp4")
    pipelyn_shapes.check_type("Image/PNG")
    with pytest.raises(UnsupportedType, match=content_type):
        pipelyn_shapes.check_type(content_type)
