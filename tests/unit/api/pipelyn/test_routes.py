"""Pipelyn's paths."""

from __future__ import annotations

from typing import Any

import pytest

from reelyard.actors.jobs.messages import KeySpec
from reelyard.actors.jobs.model import State
from tests.dialect_harness import MP4, URL, DialectHarness
from tests.unit.actors.registry.old_records import ended_record, put_record


async def test_a_form_becomes_a_job_that_is_polled_and_downloaded(dialects: DialectHarness) -> None:
    job_id = await dialects.submit(preset="low-bandwidth")
    early = await dialects.http.get(f"/api/media/jobs/{job_id}/download")
    assert early.status_code == 409
    assert early.json() == {"error": 'Job is in status "pending"', "code": "not-ready"}
    assert await dialects.work() == "optimize"
    done = (await dialects.http.get(f"/api/media/jobs/{job_id}")).json()
    assert (done["status"], done["preset"], done["filename"]) == (
        "done",
        "low-bandwidth",
        "clip.mp4",
    )
    assert done["inputBytes"] == len(MP4[1])
    assert done["downloadUrl"] == f"http://test/api/media/jobs/{job_id}/download"
    file = await dialects.http.get(done["downloadUrl"])
    assert (file.status_code, file.content) == (200, b"made")
    assert file.headers["content-type"] == "video/webm"
    assert file.headers["content-disposition"] == 'attachment; filename="clip.webm"'
    assert file.headers["cache-control"] == "no-store"
    head = await dialects.http.head(done["downloadUrl"])
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "content-disposition"):
        assert head.headers[name] == file.headers[name]


async def test_an_unknown_preset_is_web(dialects: DialectHarness) -> None:
    job_id = await dialects.submit(preset="huge")
    assert (await dialects.http.get(f"/api/media/jobs/{job_id}")).json()["preset"] == "web"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/media/jobs/0198c0de-0000-7000-8000-000000000000", 404, "not-found"),
        ("/api/media/jobs/5c3a1b2e", 404, "not-found"),
        ("/api/media/jobs/5c3a1b2e/download", 404, "not-found"),
    ],
)
async def test_a_missing_job_is_not_found(
    dialects: DialectHarness, path: str, status: int, code: str
) -> None:
    answer = await dialects.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_form_without_a_file_is_invalid_input(dialects: DialectHarness) -> None:
    forms: list[dict[str, Any]] = [
        {"files": {"other": MP4}},
        {"files": {"media": (None, "text")}},
        {"json": {}},
    ]
    for sent in forms:
        answer = await dialects.http.post("/api/media/jobs", **sent)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")
        sync = await dialects.http.post("/api/media/optimize", **sent)
        assert sync.status_code == 400
        assert "code" not in sync.json()
    assert await dialects.services.storage.list("tenants/acme/uploads") == []


async def test_a_file_over_the_limit_is_too_large(dialects: DialectHarness) -> None:
    big = {"media": ("big.mp4", b"x" * ((1 << 20) + 1), "video/mp4")}
    answer = await dialects.http.post("/api/media/jobs", files=big)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert await dialects.services.storage.list("tenants/acme/uploads") == []


async def test_a_job_that_is_refused_leaves_no_upload(dialects: DialectHarness) -> None:
    poor, _ = await dialects.services.registry.accounts.create_key(
        KeySpec("poor", "laptop", credits=0)
    )
    headers = {"Authorization": f"Bearer {poor}"}
    for path in ("/api/media/jobs", "/api/media/optimize"):
        answer = await dialects.http.post(path, files={"media": MP4}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (402, "unknown")
    assert await dialects.services.storage.list("tenants/poor/uploads") == []


async def test_a_text_is_no_type_for_the_sync_path(dialects: DialectHarness) -> None:
    text = {"media": ("notes.txt", b"hello", "text/plain")}
    answer = await dialects.http.post("/api/media/optimize", files=text)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-type")
    for kind in ("video/mp4", "text/plain"):
        empty = {"media": ("clip.mp4", b"", kind)}
        answer = await dialects.http.post("/api/media/optimize", files=empty)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")


async def test_a_failed_job_tells_its_message_and_code(dialects: DialectHarness) -> None:
    job_id = await dialects.submit()
    await dialects.work(error="corrupt_media")
    failed = (await dialects.http.get(f"/api/media/jobs/{job_id}")).json()
    assert failed["status"] == "failed"
    assert failed["error"] == {"message": "why", "code": "encode-failed"}


async def test_health_is_public_and_the_rest_is_not(dialects: DialectHarness) -> None:
    nobody = {"Authorization": ""}
    assert (await dialects.http.get("/api/health", headers=nobody)).json() == {"ok": True}
    for path in ("/api/media/presets", "/api/media/limits", "/api/usage", "/api/media/jobs/x"):
        answer = await dialects.http.get(path, headers=nobody)
        assert answer.status_code == 401, path
        assert answer.json() == {
            "error": "Unauthorized: valid API key required",
            "code": "unauthorized",
        }
        assert (
            await dialects.http.get(path, headers={"x-api-key": dialects.key})
        ).status_code != 401


async def test_usage_sums_what_was_saved(dialects: DialectHarness) -> None:
    await dialects.submit()
    await dialects.work()
    assert (await dialects.http.get("/api/usage")).json() == {
        "totalJobs": 1,
        "totalInputBytes": len(MP4[1]),
        "totalOutputBytes": 4,
        "totalSavedBytes": len(MP4[1]) - 4,
    }


async def test_a_job_that_the_version_before_ended_is_answered_as_it_was(
    dialects: DialectHarness,
) -> None:
    record = ended_record()
    await put_record(dialects.registry._store, record, State.SUCCEEDED)
    done = (await dialects.http.get(f"/api/media/jobs/{record.job_id}")).json()
    assert (done["preset"], done["filename"], done["inputBytes"]) == ("mobile", "clip.mp4", 1000)
    assert done["result"] == {
        "kind": "video",
        "strategy": "video-mp4-h264",
        "contentType": "video/mp4",
        "filename": "clip.mp4",
        "outputBytes": 400,
        "savedBytes": 600,
        "savedPercent": 60.0,
        "inputDurationSec": 10.5,
        "outputDurationSec": 10.5,
        "inputWidth": 1920,
        "outputWidth": 900,
    }


async def test_an_optimize_job_of_v1s_is_told_in_these_words_too(dialects: DialectHarness) -> None:
    body = {"operation": "optimize", "url": URL, "params": {"preset": "mobile"}}
    job_id = (await dialects.http.post("/v1/jobs", json=body)).json()["job_id"]
    result = {"strategy": "image-webp", "input_bytes": 1000, "input_width": 1920}
    await dialects.work(result=result)
    done = (await dialects.http.get(f"/api/media/jobs/{job_id}")).json()
    assert (done["preset"], done["inputBytes"]) == ("mobile", 1000)
    told = {name: done["result"][name] for name in ("strategy", "savedBytes", "inputWidth")}
    assert told == {"strategy": "image-webp", "savedBytes": 996, "inputWidth": 1920}
    usage = (await dialects.http.get("/v1/usage")).json()
    assert usage["totals"] == {
        "output_bytes": 4,
        "compared_jobs": 1,
        "input_bytes": 1000,
        "compared_output_bytes": 4,
        "saved_bytes": 996,
    }


async def test_totals_of_which_nothing_is_known_are_left_out(dialects: DialectHarness) -> None:
    assert (await dialects.http.get("/v1/usage")).json()["totals"] == {}
    await dialects.enhance()
    await dialects.work()
    assert (await dialects.http.get("/v1/usage")).json()["totals"] == {"output_bytes": 4}
