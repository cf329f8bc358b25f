"""Dolby.io's "Job Management": every call it shows, on real media."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests

from tests.dialects.fixture_types import Headers, Json, Poll, RunCurl, RunNode
from tests.live_server import LiveServer

ENTRY = {
    "job_id": str,
    "api_version": str,
    "path": str,
    "status": str,
    "progress": int,
    "duration": float,
    "time_submitted": str,
    "time_started": str,
    "time_completed": str,
    "expiry": str,
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="module")
def headers(api_token: str) -> Headers:
    return {
        "Authorization": f"Bearer {api_token}",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }


@pytest.fixture(scope="module")
def enhanced(server: LiveServer, headers: Headers, media_url: str, poll: Poll) -> str:
    """The id of a job that has enhanced a real recording."""
    body = {
        "input": f"{media_url}/talk.wav",
        "output": "dlb://out/talk.wav",
        "content": {"type": "podcast"},
        "audio": {
            "noise": {"reduction": {"enable": True, "amount": "medium"}},
            "loudness": {"enable": True, "target_level": -18, "peak_limit": -1},
        },
    }
    path = f"{server.url}/media/enhance"
    answer = requests.post(path, json=body, headers=headers, timeout=30)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    job_id = answer.json()["job_id"]
    done = poll(
        lambda: requests.get(path, params={"job_id": job_id}, headers=headers, timeout=30).json(),
        {"Success", "Failed", "Cancelled"},
    )
    assert done == {
        "path": "/media/enhance",
        "status": "Success",
        "progress": 100,
        "api_version": "v1.1.2",
        "result": {},
    }
    return str(job_id)


def test_the_list_has_every_field_of_the_document(
    server: LiveServer, headers: Headers, enhanced: str
) -> None:
    response = requests.get(f"{server.url}/media/jobs", headers=headers, timeout=30)
    assert response.status_code == 200
    page = response.json()
    assert page["count"] == len(page["jobs"])
    entry = next(job for job in page["jobs"] if job["job_id"] == enhanced)
    assert {name: type(value) for name, value in entry.items()} == ENTRY
    assert (entry["path"], entry["status"], entry["progress"]) == ("/media/enhance", "Success", 100)
    assert entry["duration"] == pytest.approx(2.0, abs=0.1)
    moments = [entry[name] for name in ("time_submitted", "time_started", "time_completed")]
    assert moments == sorted(moments)
    assert all(MOMENT.fullmatch(text) for text in [*moments, entry["expiry"]])
    assert entry["expiry"].endswith(":" + moments[2][17:19] + ".000Z")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status=Success", True),
        ("?status=Running", False),
        ("?submitted_after=2020-01-01T00:00:00.000Z", True),
        ("?submitted_before=2020-01-01T00:00:00.000Z", False),
        ("?submitted_after=2999-01-01", False),
    ],
)
def test_the_list_is_customised_by_status_and_date(
    server: LiveServer, headers: Headers, enhanced: str, query: dict[str, Any], found: int
) -> None:
    page = requests.get(f"{server.url}/media/jobs{query}", headers=headers, timeout=30).json()
    assert (enhanced in [job["job_id"] for job in page["jobs"]]) == found


def test_the_list_answers_fetch(
    server: LiveServer, api_token: str, enhanced: str, node: RunNode
) -> None:
    told = node("list_media_jobs.mjs", server.url, api_token, "?status=Success")
    assert told["status"] == 200
    assert enhanced in [job["job_id"] for job in told["body"]["jobs"]]


def test_the_list_answers_curl(
    server: LiveServer, api_token: str, enhanced: str, curl: RunCurl
) -> None:
    status, body = curl(
        "-X",
        "GET",
        f"{server.url}/media/jobs",
        "--header",
        f"Authorization: Bearer {api_token}",
        "--header",
        "Content-Type: application/json",
    )
    assert status == 200
    assert enhanced in [job["job_id"] for job in json.loads(body)["jobs"]]


def test_the_list_goes_on_with_next_token_until_there_is_no_more(
    server: LiveServer, headers: Headers
) -> None:
    cancelled = []
    for number in range(101):
        body = {"input": "https://example.invalid/a.wav", "output": f"dlb://a{number}.wav"}
        made = requests.post(f"{server.url}/media/enhance", json=body, headers=headers, timeout=30)
        job_id = made.json()["job_id"]
        requests.post(
            f"{server.url}/media/jobs/cancel",
            params={"job_id": job_id},
            data="{}",
            headers=headers,
            timeout=30,
        )
        cancelled.append(job_id)
    found: list[str] = []
    params: dict[str, str] = {}
    while True:
        page = requests.get(
            f"{server.url}/media/jobs", params=params, headers=headers, timeout=30
        ).json()
        assert page["count"] == len(page["jobs"]) <= 100
        found += [job["job_id"] for job in page["jobs"]]
        if not page.get("next_token"):
            break
        params = {"next_token": page["next_token"]}
    assert len(found) == len(set(found))
    assert [job_id for job_id in found if job_id in set(cancelled)] == cancelled[::-1]


def test_a_job_is_retrieved_by_the_path_and_id_of_its_entry(
    server: LiveServer, headers: Headers, enhanced: str
) -> None:
    url = f"{server.url}/media/jobs?status=Success"
    jobs = requests.get(url, headers=headers, timeout=30).json()["jobs"]
    entry = next(job for job in jobs if job["job_id"] == enhanced)
    polled = requests.get(
        server.url + entry["path"], params={"job_id": enhanced}, headers=headers, timeout=30
    )
    assert polled.json()["status"] == "Success"


def test_the_output_is_downloaded_through_a_redirect(
    server: LiveServer, headers: Headers, enhanced: str
) -> None:
    answer = requests.get(
        f"{server.url}/media/output",
        params={"url": "dlb://out/talk.wav"},
        headers={"Authorization": headers["Authorization"]},
        timeout=30,
    )
    assert answer.history[0].status_code == 302
    assert (answer.status_code, answer.content[:4]) == (200, b"RIFF")


def test_a_damaged_input_ends_as_failed_with_the_reason(
    server: LiveServer, headers: Headers, media_url: str, poll: Poll
) -> None:
    path = f"{server.url}/media/enhance"
    body = {"input": f"{media_url}/broken.mp4", "output": "dlb://out/broken.mp4"}
    job_id = requests.post(path, json=body, headers=headers, timeout=30).json()["job_id"]
    failed = poll(
        lambda: requests.get(path, params={"job_id": job_id}, headers=headers, timeout=30).json(),
        {"Success", "Failed"},
    )
    assert failed["status"] == "Failed"
    assert "broken.mp4" in failed["error"]["detail"]
    assert failed["error"]["details"] == failed["error"]["detail"]


def test_the_old_key_header_opens_the_calls_too(server: LiveServer, api_key: Json) -> None:
    answer = requests.get(
        f"{server.url}/media/jobs", headers={"x-api-key": api_key["key"]}, timeout=30
    )
    assert answer.status_code == 200


def test_an_image_and_a_small_video_come_out_of_one_transcode(
    server: LiveServer, headers: Headers, media_url: str, poll: Poll
) -> None:
    body = {
        "inputs": [{"source": f"{media_url}/clip.mp4", "segment": {"start": 0.5, "duration": 1}}],
        "outputs": [
            {
                "destination": "dlb://out/small.mp4",
                "kind": "mp4",
                "video": {"codec": "h264", "width": 160},
                "audio": [{"codec": "aac_lc", "bitrate_kb": 96}],
            },
            {"destination": "dlb://out/still.png", "kind": "png", "image": {"offset_sec": 0.5}},
        ],
    }
    path = f"{server.url}/media/transcode"
    job_id = requests.post(path, json=body, headers=headers, timeout=30).json()["job_id"]
    done = poll(
        lambda: requests.get(path, params={"job_id": job_id}, headers=headers, timeout=30).json(),
        {"Success", "Failed"},
    )
    assert done["status"] == "Success", done
    for name, magic in (("small.mp4", b"ftyp"), ("still.png", b"PNG")):
        place = requests.post(
            f"{server.url}/media/output",
            json={"url": f"dlb://out/{name}"},
            headers=headers,
            timeout=30,
        ).json()["url"]
        assert magic in requests.get(place, timeout=30).content[:12]
