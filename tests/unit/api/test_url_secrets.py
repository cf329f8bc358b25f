from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelyard.actors.jobs.ids import new_id
from tests.unit.api.api_harness import ApiHarness

SECRET = "S3cr3t"
URL = f"https://joe:{SECRET}@media.test/a b.mp4?v=1&X-Amz-Signature={SECRET}"
SHOWN = "https://***@media.test/a b.mp4?v=1&X-Amz-Signature=***"
TARGET = f"https://joe:{SECRET}@store.test/out.mp4"

V1: list[tuple[str, dict[str, Any]]] = [
    (
        "/v1/jobs",
        {"operation": "transcode", "url": URL, "output": TARGET, "metadata": {"source": URL}},
    ),
    ("/v1/jobs:batch", {"jobs": [{"operation": "probe", "input": URL, "metadata": {"a": [URL]}}]}),
    (
        "/v1/jobs",
        {
            "input": URL,
            "tasks": [
                {"name": "look", "operation": "probe", "inputs": [URL]},
                {"name": "show", "operation": "transcode", "inputs": ["input"], "output": TARGET},
            ],
        },
    ),
]
DIALECTS: list[tuple[str, dict[str, Any]]] = [
    (
        "/media/transcode",
        {
            "inputs": [{"source": URL}],
            "outputs": [{"destination": TARGET, "kind": "mp4"}],
        },
    ),
    ("/media/enhance", {"input": URL, "output": TARGET}),
    ("/jobs", {"kind": "video", "input": URL, "metadata": {"source": URL}}),
]
VIEWS = ("/v1/jobs", "/media/jobs", "/jobs", "/tasks", "/v1/admin/overview")


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(("path", "body"), V1 + DIALECTS)
async def test_no_answer_and_no_file_holds_a_secret_and_the_worker_gets_it(
    harness: ApiHarness, path: str, body: dict[str, Any]
) -> None:
    sent = await harness.post(path, body, headers={"Idempotency-Key": new_id()})
    assert sent.status_code < 300, sent.text
    (job,) = (await harness.get("/v1/jobs")).json()["items"]
    job_id = job["job_id"]
    views = [*VIEWS, f"/v1/jobs/{job_id}", f"{path}?job_id={job_id}"]
    for view in views:
        text = (await harness.get(view)).text
        assert SECRET not in text, view
    lease = await harness.lease()
    assert lease.inputs == [URL]
    await harness.fail(lease)
    events = (await harness.get(f"/v1/jobs/{job_id}/events")).text
    assert SECRET not in sent.text + events
    assert SECRET.encode() not in on_disk(harness.services.settings.data)


async def test_a_job_is_shown_and_found_by_its_url_without_secrets(harness: ApiHarness) -> None:
    job_id = await harness.submit(url=URL)
    assert (await harness.get(f"/v1/jobs/{job_id}")).json()["source_url"] == SHOWN
    for text in (URL, SHOWN):
        found = (await harness.get("/v1/jobs", params={"input": text})).json()["items"]
        assert [job["job_id"] for job in found] == [job_id]


async def test_a_url_that_is_signed_anew_is_the_same_request(harness: ApiHarness) -> None:
    answers = [
        await harness.post(
            "/v1/jobs",
            {"operation": "probe", "url": f"https://h.test/a.mp4?X-Amz-Signature={signature}"},
            headers={"Idempotency-Key": "k"},
        )
        for signature in ("one", "two")
    ]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    "url",
    [
        f"https://joe:{SECRET}@/a",
        f"https://joe:{SECRET}@10.0.0.1/a",
        f"https://joe:x/{SECRET}@h.test/a",
        f"https://joe:{SECRET}@h.test:port/a",
        f"https://joe:{SECRET}@[::1/a",
        f"https://joe:{'x' * 300}{SECRET}@/a",
        f"https://joe:{SECRET}@h.test/a\nb",
        f"s3://AKIA:{SECRET}@bucket/key",
        f"s3://AKIA:{SECRET}@",
        f"ftp://joe:{SECRET}@h.test/a",
        f"file://joe:{SECRET}@h/etc/passwd",
        f"//joe:{SECRET}@h.test/a?sig={SECRET}",
    ],
)
async def test_a_refusal_tells_no_secret(harness: ApiHarness, url: str) -> None:
    harness.use(await harness.key("tenant"))
    for body in ({"url": url}, {"url": "https://h.test/a", "output": url}):
        answer = await harness.post("/v1/jobs", {"operation": "probe"} | body)
        if url.startswith("//"):
            continue
        assert SECRET not in answer.text
        assert 400 <= answer.status_code < 500, answer.text
