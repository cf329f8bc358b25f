"""ittybit's "Get Job": every call it shows, on real media."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
from ittybit import Ittybit

from tests.dialects.fixture_types import Headers, Json, Poll, RunCurl, RunNode
from tests.live_server import LiveServer

TASK = [
    "id",
    "object",
    "kind",
    "input",
    "options",
    "output",
    "status",
    "progress",
    "error",
    "created_at",
    "started_at",
    "finished_at",
    "updated_at",
]
JOB = [
    "id",
    "object",
    "kind",
    "input",
    "output",
    "options",
    "metadata",
    "status",
    "error",
    "tasks",
    "created_at",
    "started_at",
    "finished_at",
    "updated_at",
]
ENDED = {"succeeded", "failed", "cancelled"}


@pytest.fixture(scope="module")
def create(server: LiveServer, bearer: Headers, poll: Poll) -> Callable[..., Json]:
    def until_ended(**body: Any) -> Json:
        answer = requests.post(f"{server.url}/jobs", json=body, headers=bearer, timeout=30)
        assert answer.status_code == 201, answer.text
        url = f"{server.url}/jobs/{answer.json()['id']}"
        return poll(lambda: requests.get(url, headers=bearer, timeout=30).json(), ENDED)

    return until_ended


@pytest.fixture(scope="module")
def job(create: Callable[..., Json], media_url: str) -> Json:
    """A finished job of the document's kind."""
    return create(
        kind="video",
        input=f"{media_url}/clip.mp4",
        options={"format": "mp4", "quality": "high", "width": 160},
        metadata={"of": "a test"},
    )


def test_a_job_has_every_field_of_the_document(job: Json, media_url: str) -> None:
    assert list(job) == JOB
    assert (job["object"], job["kind"], job["status"]) == ("job", "video", "succeeded")
    assert job["input"] == f"{media_url}/clip.mp4"
    assert job["options"] == {"format": "mp4", "quality": "high", "width": 160}
    assert (job["metadata"], job["error"]) == ({"of": "a test"}, None)
    moments = [job[name] for name in ("created_at", "started_at", "finished_at")]
    assert all(isinstance(moment, int) for moment in moments)
    assert moments == sorted(moments)
    assert moments[0] > 1_700_000_000_000


def test_its_tasks_tell_of_probe_encode_and_export(job: Json, media_url: str) -> None:
    tasks = job["tasks"]
    assert all(list(task) == TASK for task in tasks)
    assert [task["kind"] for task in tasks] == ["probe", "video", "export"]
    assert {task["status"] for task in tasks} == {"succeeded"}
    probe, encode, export = tasks
    assert probe["input"] == {"object": "external_file", "url": f"{media_url}/clip.mp4"}
    found = probe["output"]
    assert (found["object"], found["kind"], found["format"]) == ("file", "video", "mp4")
    assert (found["width"], found["height"]) == (320, 180)
    assert found["duration"] == pytest.approx(2.0, abs=0.1)
    assert encode["output"]["width"] == 160
    assert export["output"]["url"] == job["output"]
    assert [task["started_at"] for task in tasks] == sorted(task["started_at"] for task in tasks)


def test_its_output_can_be_fetched(job: Json) -> None:
    file = requests.get(job["output"], timeout=30)
    assert (file.status_code, file.headers["content-type"]) == (200, "video/mp4")
    assert b"ftyp" in file.content[:12]


def test_requests_gets_it_as_shown(server: LiveServer, api_key: Json, job: Json) -> None:
    res = requests.get(
        f"{server.url}/jobs/{job['id']}",
        headers={"Authorization": f"Bearer {api_key['key']}"},
        timeout=30,
    )
    data = res.json()
    assert res.status_code == 200
    assert data["id"] == job["id"]


def test_fetch_gets_it_as_shown(
    server: LiveServer, api_key: Json, job: Json, node: RunNode
) -> None:
    told = node("get_job.mjs", server.url, api_key["key"], job["id"])
    assert (told["status"], told["body"]["status"]) == (200, "succeeded")


def test_curl_gets_it_as_shown(server: LiveServer, api_key: Json, job: Json, curl: RunCurl) -> None:
    header = f"Authorization: Bearer {api_key['key']}"
    status, body = curl(f"{server.url}/jobs/{job['id']}", "-H", header)
    assert (status, json.loads(body)["id"]) == (200, job["id"])


def test_a_missing_job_is_job_not_found(
    server: LiveServer, api_key: Json, bearer: Headers, node: RunNode, curl: RunCurl
) -> None:
    res = requests.get(f"{server.url}/jobs/job_abc123", headers=bearer, timeout=30)
    assert (res.status_code, res.json()["kind"]) == (404, "job_not_found")
    told = node("get_job.mjs", server.url, api_key["key"], "job_abc123")
    assert (told["status"], told["body"]["kind"]) == (404, "job_not_found")
    header = f"Authorization: Bearer {api_key['key']}"
    status, body = curl(f"{server.url}/jobs/job_abc123", "-H", header)
    assert (status, json.loads(body)["kind"]) == (404, "job_not_found")


def test_siblings_of_a_failed_task_are_cancelled(
    create: Callable[..., Json], media_url: str
) -> None:
    failed = create(kind="video", input=f"{media_url}/broken.mp4")
    assert failed["status"] == "failed"
    assert set(failed["error"]) == {"kind", "message"}
    assert [task["status"] for task in failed["tasks"]] == ["failed", "cancelled", "cancelled"]
    assert failed["output"] is None


@pytest.mark.parametrize(
    ("kind", "source", "options", "magic"),
    [
        ("audio", "clip.mp4", {"format": "mp3"}, b"ID3"),
        ("image", "clip.mp4", {"format": "png", "start": 1, "width": "50%"}, b"PNG"),
        ("image", "photo.jpg", {"format": "webp", "width": 64}, b"WEBP"),
        ("animation", "clip.mp4", {"format": "gif", "width": 64, "end": 1}, b"GIF8"),
    ],
)
def test_every_kind_makes_what_it_says(
    create: Callable[..., Json],
    media_url: str,
    kind: str,
    source: str,
    options: dict[str, Any],
    magic: bytes,
) -> None:
    made = create(kind=kind, input=f"{media_url}/{source}", options=options)
    assert made["status"] == "succeeded", made["error"]
    assert [task["kind"] for task in made["tasks"]] == ["probe", kind, "export"]
    assert magic in requests.get(made["output"], timeout=30).content[:16]


def test_the_list_is_filtered_as_documented(server: LiveServer, bearer: Headers, job: Json) -> None:
    def ids(**params: str) -> list[str]:
        answer = requests.get(f"{server.url}/jobs", params=params, headers=bearer, timeout=30)
        assert isinstance(answer.json(), list)
        return [str(entry["id"]) for entry in answer.json()]

    assert job["id"] in ids(limit="100")
    assert job["id"] in ids(kind="video", status="succeeded", input=job["input"])
    assert job["id"] not in ids(status="failed")
    assert ids(input="https://example.invalid/") == []


def test_an_idempotency_key_makes_one_job(
    server: LiveServer, bearer: Headers, media_url: str
) -> None:
    body = {"kind": "image", "input": f"{media_url}/photo.jpg"}
    headers = bearer | {"Idempotency-Key": os.urandom(8).hex()}
    first, again = (
        requests.post(f"{server.url}/jobs", json=body, headers=headers, timeout=30)
        for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


def test_the_published_client_runs_tasks(
    server: LiveServer, api_key: Json, media_url: str, poll: Poll
) -> None:
    with httpx.Client() as http:
        client = Ittybit(base_url=server.url, api_key=api_key["key"], httpx_client=http)
        made = client.tasks.create(request={"kind": "probe", "url": f"{media_url}/clip.mp4"})
        done = poll(lambda: client.tasks.get(made.id).dict(), ENDED)
        assert (done["status"], done["output"]["width"]) == ("succeeded", 320)
        assert made.id in [task.id for task in client.tasks.list(limit=20)]
