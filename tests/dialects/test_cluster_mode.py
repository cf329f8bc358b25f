"""The server as a cluster runs it: jobs in Redis, media in S3, every byte by presigned URL."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from reelyard import Client
from tests.live_server import LiveServer, live_server
from tests.object_stores import BUCKET


@pytest.fixture(scope="module")
def on_s3(
    s3_server: dict[str, str], redis_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """A server whose store is Redis and whose storage is S3."""
    settings = {
        "store_url": f"{redis_server}?prefix=cluster:",
        "storage_url": f"s3://{BUCKET}/cluster",
        "storage_options": json.dumps(s3_server),
    }
    with live_server(tmp_path_factory.mktemp("on-s3") / "data", settings) as server:
        yield server


@pytest.fixture(scope="module")
def store_host(s3_server: dict[str, str]) -> str:
    return urlsplit(s3_server["endpoint"]).netloc


def test_an_upload_becomes_a_thumbnail_behind_a_presigned_url(
    on_s3: LiveServer, store_host: str, media: Path
) -> None:
    with Client(on_s3.url) as client:
        job = client.submit("preview", media / "clip.mp4", params={"preview_type": "thumbnail"})
        ended = client.wait(job, timeout_s=60)
    assert ended.ok, ended.error
    (output,) = ended.outputs
    assert urlsplit(output.url).netloc == store_host
    answer = requests.get(output.url, timeout=30)
    assert answer.content[:2] == b"\xff\xd8"
    assert len(answer.content) == output.size
    part = requests.get(output.url, headers={"Range": "bytes=0-1"}, timeout=30)
    assert (part.status_code, part.content) == (206, b"\xff\xd8")


def test_pipelyns_download_url_is_the_stores(
    on_s3: LiveServer, store_host: str, media: Path
) -> None:
    with (media / "photo.jpg").open("rb") as photo:
        sent = requests.post(
            f"{on_s3.url}/api/media/jobs",
            files={"media": ("photo.jpg", photo, "image/jpeg")},
            data={"preset": "web"},
            timeout=30,
        )
    assert sent.status_code == 202, sent.text
    place = f"{on_s3.url}/api/media/jobs/{sent.json()['jobId']}"
    end = time.monotonic() + 60
    # A registry that is slow to answer is a 503, to be asked again.
    while (job := requests.get(place, timeout=30).json()).get("status") not in ("done", "failed"):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert job["status"] == "done", job
    assert urlsplit(job["downloadUrl"]).netloc == store_host
    assert len(requests.get(job["downloadUrl"], timeout=30).content) == job["result"]["outputBytes"]


def test_jobs_are_paged_and_counted_from_redis(on_s3: LiveServer, media: Path) -> None:
    with Client(on_s3.url) as client:
        made = client.submit_many("export", [media / "photo.jpg"] * 5)
        assert all(job.ok for job in client.wait_all(made, timeout_s=60))
    first = requests.get(
        f"{on_s3.url}/v1/jobs", params={"job_type": "export", "limit": "3"}, timeout=30
    ).json()
    rest = requests.get(
        f"{on_s3.url}/v1/jobs",
        params={"job_type": "export", "limit": 3, "cursor": first["next_cursor"]},
        timeout=30,
    ).json()
    found = [item["job_id"] for item in first["items"] + rest["items"]]
    assert found == [job.job_id for job in reversed(made)]
    assert not rest["has_more"]
    assert on_s3.cli("status")["jobs"]["succeeded"] >= 5
