"""A job made through one surface, seen through all the others in their words."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import requests

from tests.dialects.fixture_types import Headers, Json, Poll
from tests.live_server import LiveServer


@pytest.fixture(scope="module")
def made(server: LiveServer, bearer: Headers, media_url: str, poll: Poll) -> dict[str, str]:
    """A finished video of each surface, by its plain id."""

    def post(path: str, **body: Any) -> Json:
        answer = requests.post(server.url + path, headers=bearer, timeout=30, **body)
        assert answer.status_code < 300, answer.text
        told: Json = answer.json()
        return told

    def look(job_id: str) -> Json:
        told: Json = requests.get(
            f"{server.url}/v1/jobs/{job_id}", headers=bearer, timeout=30
        ).json()
        return told

    clip = f"{media_url}/clip.mp4"
    video = requests.get(clip, timeout=30).content
    outputs = [{"destination": "dlb://across.mp4", "kind": "mp4", "video": {"width": 64}}]
    dolby = post("/media/transcode", json={"inputs": [{"source": clip}], "outputs": outputs})
    pipelyn = post("/api/media/jobs", files={"media": ("clip.mp4", video, "video/mp4")})
    preview = {"preview_type": "thumbnail"}
    own = post("/v1/jobs", json={"operation": "preview", "input": clip, "params": preview})
    ids = {
        "dolby": dolby["job_id"],
        "pipelyn": pipelyn["jobId"],
        "v1": own["job_id"],
    }
    for job_id in ids.values():
        done = poll(partial(look, job_id), {"completed", "failed"})
        assert done["status"] == "completed", done
    return ids


def test_dolby_lists_and_polls_them_all(
    server: LiveServer, bearer: Headers, made: dict[str, str]
) -> None:
    page = requests.get(f"{server.url}/media/jobs", headers=bearer, timeout=30).json()
    entries = {entry["job_id"]: entry for entry in page["jobs"]}
    for job_id in made.values():
        entry = entries[job_id]
        polled = requests.get(
            server.url + entry["path"], params={"job_id": job_id}, headers=bearer, timeout=30
        ).json()
        assert (entry["status"], polled["status"]) == ("Success", "Success")


def test_pipelyn_polls_and_downloads_them_all(
    server: LiveServer, bearer: Headers, made: dict[str, str]
) -> None:
    for job_id in made.values():
        url = f"{server.url}/api/media/jobs/{job_id}"
        job = requests.get(url, headers=bearer, timeout=30).json()
        assert job["status"] == "done"
        file = requests.get(job["downloadUrl"], headers=bearer, timeout=30)
        assert len(file.content) == job["result"]["outputBytes"]


def test_ittybit_lists_and_gets_them_all(
    server: LiveServer, bearer: Headers, made: dict[str, str]
) -> None:
    jobs = requests.get(f"{server.url}/jobs?limit=100", headers=bearer, timeout=30).json()
    kinds = [job["kind"] for job in jobs]
    assert {"video", "image"} <= set(kinds)
    for job_id in made.values():
        url = f"{server.url}/jobs/{job_id}"
        job = requests.get(url, headers=bearer, timeout=30).json()
        assert job["status"] == "succeeded"
        assert all(task["status"] == "succeeded" for task in job["tasks"])
        assert requests.get(job["output"], timeout=30).status_code == 200


def test_another_tenant_sees_none_of_them(server: LiveServer, made: dict[str, str]) -> None:
    key = server.create_key("stranger", "umbrella")["key"]
    headers = {"Authorization": f"Bearer {key}"}
    for job_id in made.values():
        for path in (f"/api/media/jobs/{job_id}", f"/jobs/{job_id}", f"/v1/jobs/{job_id}"):
            assert requests.get(server.url + path, headers=headers, timeout=30).status_code == 404
    assert requests.get(f"{server.url}/jobs", headers=headers, timeout=30).json() == []
