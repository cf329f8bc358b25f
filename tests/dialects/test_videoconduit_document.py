"""VideoConduit's page "Jobs": every call it shows, the way it shows it, on real media."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.dialects.fixture_types import Json
from tests.live_server import LiveServer

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
FIELDS: dict[str, type | tuple[type, ...]] = {
    "job_id": str,
    "job_type": str,
    "status": str,
    "source_url": str,
    "parameters": dict,
    "credits_charged": int,
    "download_url": (str, type(None)),
    "result_data": (dict, type(None)),
    "error_message": (str, type(None)),
    "created_at": str,
    "completed_at": (str, type(None)),
    "expires_at": (str, type(None)),
}


@pytest.fixture(scope="module")
def key(server: LiveServer) -> str:
    """A key of a tenant of one's own, so that lists hold only what is made here."""
    return str(server.create_key("vc", "conduit")["key"])


@pytest.fixture(scope="module")
def completed(server: LiveServer, key: str, media_url: str) -> Json:
    """A preview that was asked for as VideoConduit does, followed by its polling pattern."""
    asked = requests.post(
        f"{server.url}/v1/preview",
        headers={"Authorization": f"Bearer {key}"},
        json={
            "url": f"{media_url}/clip.mp4",
            "preview_type": "thumbnail",
            "timestamp": "00:01",
            "width": 160,
        },
        timeout=30,
    )
    assert asked.status_code == 202, asked.text
    assert asked.json()["status"] == "pending"
    job_id = asked.json()["job_id"]
    while True:
        resp = requests.get(
            f"{server.url}/v1/jobs/{job_id}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
        )
        job: Json = resp.json()
        if job["status"] in ("completed", "failed"):
            break
        time.sleep(0.2)
    assert job["status"] == "completed", job
    return job


@pytest.fixture(scope="module")
def failed(server: LiveServer, key: str, media_url: str) -> Json:
    """A preview of something that is no video."""
    headers = {"Authorization": f"Bearer {key}"}
    body = {"url": f"{media_url}/broken.mp4", "preview_type": "gif"}
    asked = requests.post(f"{server.url}/v1/preview", headers=headers, json=body, timeout=30)
    url = f"{server.url}/v1/jobs/{asked.json()['job_id']}"
    job: Json = requests.get(url, headers=headers, params={"wait": 30}, timeout=60).json()
    return job


def test_a_completed_job_has_every_field_of_the_table(completed: Json, media_url: str) -> None:
    for name, kind in FIELDS.items():
        assert isinstance(completed[name], kind), name
    assert completed["job_type"] == "preview"
    assert completed["source_url"] == f"{media_url}/clip.mp4"
    assert completed["parameters"]["timestamp"] == "00:01"
    assert completed["credits_charged"] == 1
    assert completed["error_message"] is None
    assert completed["result_data"]
    for name in ("created_at", "completed_at", "expires_at"):
        assert ISO.fullmatch(completed[name]), name


def test_the_download_url_is_the_image(completed: Json) -> None:
    answer = requests.get(completed["download_url"], timeout=30)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content.startswith(b"\xff\xd8")


def test_a_thumbnail_without_a_time_shows_the_video_at_a_quarter(
    server: LiveServer, key: str, media_url: str
) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    body = {"url": f"{media_url}/clip.mp4", "preview_type": "thumbnail"}
    asked = requests.post(f"{server.url}/v1/preview", headers=headers, json=body, timeout=30)
    url = f"{server.url}/v1/jobs/{asked.json()['job_id']}"
    job: Json = requests.get(url, headers=headers, params={"wait": 30}, timeout=60).json()
    assert job["parameters"] == body
    assert job["result_data"]["timestamp"] == pytest.approx(0.5, abs=0.04)


def test_a_failed_job_has_its_message_and_no_download(failed: Json) -> None:
    for name, kind in FIELDS.items():
        assert isinstance(failed[name], kind), name
    assert failed["status"] == "failed"
    assert failed["error_message"]
    assert failed["download_url"] is failed["result_data"] is failed["expires_at"] is None
    assert failed["refunded"]


def test_get_job_with_requests(server: LiveServer, key: str, completed: Json) -> None:
    response = requests.get(
        f"{server.url}/v1/jobs/{completed['job_id']}",
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )
    job = response.json()
    assert (job["status"], bool(job.get("download_url"))) == ("completed", True)


def test_get_job_with_curl(server: LiveServer, key: str, completed: Json) -> None:
    job = curl(f"{server.url}/v1/jobs/{completed['job_id']}", "-H", f"Authorization: Bearer {key}")
    assert (job["status"], job["job_id"]) == ("completed", completed["job_id"])


def test_get_job_with_fetch(
    server: LiveServer, key: str, completed: Json, node: Callable[..., Json]
) -> None:
    job = node("get_vc_job.mjs", server.url, key, completed["job_id"])
    assert job["status"] == "completed"
    assert job["download_url"].startswith("http")


def test_list_jobs_with_requests(
    server: LiveServer, key: str, completed: Json, failed: Json
) -> None:
    response = requests.get(
        f"{server.url}/v1/jobs",
        params={"status": "completed", "limit": "20"},
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )
    data = response.json()
    seen = [(job["job_id"], job["status"]) for job in data["items"]]
    assert (completed["job_id"], "completed") in seen
    assert failed["job_id"] not in dict(seen)
    assert data["has_more"] is False
    assert data["next_cursor"] is None


def test_list_jobs_with_curl(server: LiveServer, key: str, completed: Json) -> None:
    data = curl(
        f"{server.url}/v1/jobs?status=completed&limit=20", "-H", f"Authorization: Bearer {key}"
    )
    assert completed["job_id"] in [job["job_id"] for job in data["items"]]


def test_list_jobs_with_fetch(
    server: LiveServer, key: str, completed: Json, node: Callable[..., Json]
) -> None:
    data = node("list_vc_jobs.mjs", server.url, key)
    assert [completed["job_id"], "completed"] in data["lines"]
    assert data["has_more"] is False


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "failed"])
def test_every_status_can_be_filtered_by(
    server: LiveServer, key: str, completed: Json, failed: Json, status: str
) -> None:
    data = listed(server, key, status=status, job_type="preview")
    expected = {"completed": completed["job_id"], "failed": failed["job_id"]}.get(status)
    assert {job["status"] for job in data["items"]} <= {status}
    assert expected is None or expected in [job["job_id"] for job in data["items"]]


def test_the_cursor_leads_through_all_pages(
    server: LiveServer, key: str, completed: Json, failed: Json
) -> None:
    first = listed(server, key, limit=1)
    assert first["has_more"] is True
    second = listed(server, key, limit=1, cursor=first["next_cursor"])
    seen = [first["items"][0]["job_id"], second["items"][0]["job_id"]]
    whole = [job["job_id"] for job in listed(server, key)["items"]]
    assert seen == whole[:2]
    assert {completed["job_id"], failed["job_id"]} <= set(whole)


def test_job_types_that_were_never_run_list_nothing(server: LiveServer, key: str) -> None:
    for job_type in ("download", "transcribe", "translate", "fingerprint", "comments"):
        assert listed(server, key, job_type=job_type)["items"] == []


def test_a_wrong_key_gets_the_documented_401(server: LiveServer) -> None:
    answer = requests.get(
        f"{server.url}/v1/jobs", headers={"Authorization": "Bearer vc_your_api_key"}, timeout=30
    )
    assert answer.status_code == 401
    documented = {"detail": "Invalid or missing API key", "code": "unauthorized"}
    assert answer.json() | documented == answer.json()


def test_a_missing_field_gets_the_documented_422(server: LiveServer, key: str) -> None:
    answer = requests.post(
        f"{server.url}/v1/preview",
        headers={"Authorization": f"Bearer {key}"},
        json={"preview_type": "gif"},
        timeout=30,
    )
    assert answer.status_code == 422
    assert answer.json()["detail"] == [
        {"loc": ["body", "url"], "msg": "field required", "type": "value_error.missing"}
    ]


def test_info_is_answered_at_once(server: LiveServer, key: str, media_url: str) -> None:
    answer = requests.get(
        f"{server.url}/v1/info",
        params={"url": f"{media_url}/clip.mp4"},
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["duration_s"] == pytest.approx(2.0, abs=0.1)


def listed(server: LiveServer, key: str, **params: Any) -> Json:
    answer = requests.get(
        f"{server.url}/v1/jobs",
        params=params,
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    data: Json = answer.json()
    return data


def curl(*args: str) -> Json:
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "60", *args], check=True, capture_output=True, text=True
    )
    data: Json = json.loads(done.stdout)
    return data
