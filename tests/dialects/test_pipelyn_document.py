"""Pipelyn's "Async Jobs": every call it shows, on real media."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.dialects.fixture_types import Headers, Json, Poll, RunCurl, RunNode
from tests.live_server import LiveServer

RESULT = {
    "kind": str,
    "strategy": str,
    "contentType": str,
    "filename": str,
    "outputBytes": int,
    "savedBytes": int,
    "savedPercent": float,
    "inputDurationSec": float,
    "outputDurationSec": float,
    "inputWidth": int,
    "outputWidth": int,
}


@pytest.fixture(scope="module")
def base(server: LiveServer) -> str:
    return f"{server.url}/api"


@pytest.fixture(scope="module")
def send(base: str, bearer: Headers, media: Path) -> Callable[..., requests.Response]:
    def submit(
        path: str, name: str, content_type: str, preset: str | None = None
    ) -> requests.Response:
        return requests.post(
            f"{base}{path}",
            files={"media": (name, (media / name).read_bytes(), content_type)},
            data={"preset": preset} if preset else {},
            headers=bearer,
            timeout=120,
        )

    return submit


@pytest.fixture(scope="module")
def ended(base: str, bearer: Headers, poll: Poll) -> Callable[[str], Json]:
    def until_ended(job_id: str) -> Json:
        return poll(
            lambda: requests.get(f"{base}/media/jobs/{job_id}", headers=bearer, timeout=30).json(),
            {"done", "failed"},
        )

    return until_ended


def test_a_video_is_submitted_polled_and_downloaded(
    base: str,
    bearer: Headers,
    send: Callable[..., requests.Response],
    ended: Callable[[str], Json],
    media: Path,
) -> None:
    submitted = send("/media/jobs", "clip.mp4", "video/mp4", "low-bandwidth")
    assert submitted.status_code == 202
    accepted = submitted.json()
    assert {name: type(value) for name, value in accepted.items()} == {
        "jobId": str,
        "status": str,
        "createdAt": int,
    }
    assert accepted["status"] == "pending"

    job = ended(accepted["jobId"])
    assert (job["status"], job["preset"], job["filename"]) == ("done", "low-bandwidth", "clip.mp4")
    assert job["inputBytes"] == (media / "clip.mp4").stat().st_size
    assert "error" not in job
    result = job["result"]
    assert set(result) == set(RESULT)
    assert all(isinstance(result[name], kind | int) for name, kind in RESULT.items())
    assert (result["kind"], result["strategy"]) == ("video", "video-webm-vp9")
    assert (result["contentType"], result["filename"]) == ("video/webm", "clip.webm")
    assert (result["inputWidth"], result["outputWidth"]) == (320, 320)
    assert result["savedBytes"] == max(0, job["inputBytes"] - result["outputBytes"])

    assert job["downloadUrl"] == f"{base}/media/jobs/{accepted['jobId']}/download"
    file = requests.get(job["downloadUrl"], headers=bearer, timeout=30)
    assert (file.status_code, len(file.content)) == (200, result["outputBytes"])
    assert file.headers["Content-Type"] == "video/webm"
    assert file.headers["Content-Disposition"] == 'attachment; filename="clip.webm"'
    assert file.headers["Cache-Control"] == "no-store"


def test_fetch_and_form_data_do_the_same(
    base: str, api_key: Json, media: Path, node: RunNode
) -> None:
    told = node("submit_and_wait.mjs", base, api_key["key"], str(media / "clip.mp4"), "mobile")
    assert told["submitStatus"] == 202
    assert told["accepted"]["status"] == "pending"
    job, download = told["job"], told["download"]
    assert (job["status"], job["preset"]) == ("done", "mobile")
    assert (download["status"], download["bytes"]) == (200, job["result"]["outputBytes"])
    assert (download["type"], download["cache"]) == ("video/mp4", "no-store")
    assert download["disposition"] == 'attachment; filename="clip.mp4"'


def test_curl_does_the_same(
    base: str, api_key: Json, media: Path, curl: RunCurl, ended: Callable[[str], Json]
) -> None:
    key = f"x-api-key: {api_key['key']}"
    form = f"media=@{media / 'photo.jpg'}"
    url = f"{base}/media/jobs"
    status, body = curl("-X", "POST", url, "-H", key, "-F", form, "-F", "preset=web")
    assert status == 202
    job = ended(json.loads(body)["jobId"])
    assert (job["status"], job["result"]["kind"]) == ("done", "image")
    assert job["result"]["strategy"] == "image-webp"
    assert "inputDurationSec" not in job["result"]
    status, _ = curl("-o", "/dev/null", job["downloadUrl"], "-H", key)
    assert status == 200


def test_the_sync_path_answers_with_the_bytes_and_every_header(
    send: Callable[..., requests.Response],
) -> None:
    answer = send("/media/optimize", "photo.jpg", "image/jpeg", "mobile")
    assert answer.status_code == 200, answer.text
    headers = answer.headers
    assert headers["content-type"] == "image/webp"
    assert headers["content-disposition"] == 'inline; filename="photo.webp"'
    assert (headers["x-pipelyn-kind"], headers["x-pipelyn-preset"]) == ("image", "mobile")
    assert headers["x-pipelyn-strategy"] == "image-webp"
    assert int(headers["x-pipelyn-output-bytes"]) == len(answer.content)
    assert headers["x-pipelyn-input-duration"] == ""
    assert headers["x-pipelyn-input-width"] == "640"
    assert int(headers["x-pipelyn-total-jobs"]) >= 1
    assert answer.content[:4] == b"RIFF"


def test_a_form_without_a_file_is_invalid_input(base: str, bearer: Headers) -> None:
    for form in ({"files": {"media": (None, "text")}}, {"files": {"film": ("a.mp4", b"x")}}):
        answer = requests.post(f"{base}/media/jobs", headers=bearer, timeout=30, **form)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")


def test_an_unknown_job_is_not_found(base: str, bearer: Headers) -> None:
    for path in ("5c3a1b2e-0000-4000-8000-000000000000", "5c3a1b2e/download"):
        answer = requests.get(f"{base}/media/jobs/{path}", headers=bearer, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_a_download_before_the_end_is_not_ready(
    base: str, bearer: Headers, send: Callable[..., requests.Response], ended: Callable[[str], Json]
) -> None:
    job_id = send("/media/jobs", "broken.mp4", "video/mp4").json()["jobId"]
    failed = ended(job_id)
    assert failed["status"] == "failed"
    assert failed["error"]["code"] == "encode-failed"
    assert failed["error"]["message"]
    assert (failed["downloadUrl"], "result" in failed) == (None, False)
    answer = requests.get(f"{base}/media/jobs/{job_id}/download", headers=bearer, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (409, "not-ready")


def test_audio_is_accepted_and_fails_as_an_unsupported_type(
    send: Callable[..., requests.Response], ended: Callable[[str], Json]
) -> None:
    accepted = send("/media/jobs", "talk.wav", "audio/wav")
    assert accepted.status_code == 202
    assert ended(accepted.json()["jobId"])["error"]["code"] == "unsupported-type"


@pytest.mark.parametrize(
    ("name", "content_type", "status", "code"),
    [
        ("talk.wav", "audio/wav", 415, "unsupported-type"),
        ("broken.mp4", "video/mp4", 422, "encode-failed"),
    ],
)
def test_the_sync_path_refuses_what_it_can_not_encode(
    send: Callable[..., requests.Response], name: str, content_type: str, status: int, code: str
) -> None:
    answer = send("/media/optimize", name, content_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_empty_file_is_accepted_and_fails_as_invalid_input(
    base: str, bearer: Headers, ended: Callable[[str], Json]
) -> None:
    empty = {"media": ("clip.mp4", b"", "video/mp4")}
    accepted = requests.post(f"{base}/media/jobs", files=empty, headers=bearer, timeout=30)
    assert accepted.status_code == 202
    assert ended(accepted.json()["jobId"])["error"]["code"] == "invalid-input"


def test_presets_limits_health_and_usage_answer(base: str, bearer: Headers) -> None:
    def get(path: str) -> Json:
        answer: Json = requests.get(f"{base}{path}", headers=bearer, timeout=30).json()
        return answer

    assert requests.get(f"{base}/health", timeout=30).json() == {"ok": True}
    assert get("/media/limits") == {"maxInputBytes": 125_829_120, "maxInputMegabytes": 120}
    assert [preset["name"] for preset in get("/media/presets")["presets"]] == [
        "mobile",
        "web",
        "low-bandwidth",
    ]
    assert set(get("/usage")) == {
        "totalJobs",
        "totalInputBytes",
        "totalOutputBytes",
        "totalSavedBytes",
    }
