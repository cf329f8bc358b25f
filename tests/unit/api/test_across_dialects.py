"""A job of each surface, through every other."""

from __future__ import annotations

from typing import Any

import pytest

from reelyard.actors.jobs.messages import WorkerInfo
from tests.dialect_harness import MP4, URL, DialectHarness


async def test_a_job_of_each_surface_is_seen_through_every_other(dialects: DialectHarness) -> None:
    dolby = await dialects.enhance()
    pipelyn = await dialects.submit()
    ittybit = (await dialects.create()).json()["id"]
    listed = {job["id"]: job["kind"] for job in (await dialects.http.get("/jobs")).json()}
    assert len(listed) == 3
    assert ittybit in listed
    entries = {
        job["job_id"]: job for job in (await dialects.http.get("/media/jobs")).json()["jobs"]
    }
    assert entries[dolby]["path"] == "/media/enhance"
    assert entries[pipelyn]["path"] == "/media/transcode"
    for job_id, entry in entries.items():
        polled = await dialects.http.get(entry["path"], params={"job_id": job_id})
        assert polled.json()["status"] == "Pending"
        assert (await dialects.http.get(f"/api/media/jobs/{job_id}")).json()["status"] == "pending"
        assert (await dialects.http.get(f"/v1/jobs/{job_id}")).json()["status"] == "pending"


async def words(dialects: DialectHarness, job_id: str) -> dict[str, str]:
    """How each surface calls the state of the job."""

    async def told(path: str) -> str:
        answer = await dialects.http.get(path)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["status"])

    entries = (await dialects.http.get("/media/jobs")).json()["jobs"]
    (listed,) = [entry["status"] for entry in entries if entry["job_id"] == job_id]
    polled = await told(f"/media/enhance?job_id={job_id}")
    assert listed == polled
    return {
        "dolby": polled,
        "v1": await told(f"/v1/jobs/{job_id}"),
        "pipelyn": await told(f"/api/media/jobs/{job_id}"),
        "ittybit": await told(f"/jobs/{job_id}"),
    }


async def test_each_state_has_the_word_of_each_surface(dialects: DialectHarness) -> None:
    async def said(job_id: str) -> str:
        return " ".join((await words(dialects, job_id)).values())

    done = await dialects.enhance()
    assert await said(done) == "Pending pending pending queued"
    await dialects.work()
    assert await said(done) == "Success completed done succeeded"
    broken = await dialects.enhance()
    await dialects.work(error="corrupt_media")
    assert await said(broken) == "Failed failed failed failed"
    running = await dialects.enhance()
    worker = WorkerInfo("slot", "one", "cpu", "node", ["light", "cpu"])
    assert (await dialects.registry.lease(worker, 1, [], 5)).leases
    assert await said(running) == "Running processing processing processing"
    await dialects.http.post("/media/jobs/cancel", params={"job_id": running})
    assert await said(running) == "Cancelled failed failed cancelled"


async def test_a_cancelled_job_tells_each_surface_why_it_gave_nothing(
    dialects: DialectHarness,
) -> None:
    job_id = await dialects.enhance()
    await dialects.http.post("/media/jobs/cancel", params={"job_id": job_id})
    own = (await dialects.http.get(f"/v1/jobs/{job_id}")).json()
    assert (own["state"], own["refunded"], own["download_url"]) == ("cancelled", True, None)
    assert "cancelled" in own["error_message"]
    pipelyn = (await dialects.http.get(f"/api/media/jobs/{job_id}")).json()
    assert "cancelled" in pipelyn["error"]["message"]
    early = await dialects.http.get(f"/api/media/jobs/{job_id}/download")
    assert (early.status_code, early.json()["code"]) == (409, "not-ready")
    ittybit = (await dialects.http.get(f"/jobs/{job_id}")).json()
    assert [task["status"] for task in ittybit["tasks"]] == ["cancelled"]
    dolby = (await dialects.http.get("/media/enhance", params={"job_id": job_id})).json()
    assert "error" not in dolby


async def test_every_surface_knows_the_ids_of_the_others(dialects: DialectHarness) -> None:
    ittybit = (await dialects.create()).json()["id"]
    for path in (f"/v1/jobs/{ittybit}", f"/api/media/jobs/{ittybit}", f"/jobs/{ittybit}"):
        assert (await dialects.http.get(path)).status_code == 200, path
    found = (await dialects.http.get(f"/media/transcode?job_id={ittybit}")).json()
    assert found["status"] == "Pending"


async def test_nobody_sees_the_jobs_of_another_tenant(dialects: DialectHarness) -> None:
    dolby = await dialects.enhance()
    ittybit = (await dialects.create()).json()["id"]
    for path in (
        f"/media/enhance?job_id={dolby}",
        f"/api/media/jobs/{dolby}",
        f"/jobs/{ittybit}",
    ):
        assert (await dialects.http.get(path, headers=dialects.other)).status_code == 404, path
    assert (await dialects.http.get("/media/jobs", headers=dialects.other)).json()["count"] == 0
    assert (await dialects.http.get("/jobs", headers=dialects.other)).json() == []
    refused = await dialects.http.post(f"/media/jobs/cancel?job_id={dolby}", headers=dialects.other)
    assert refused.status_code == 404


ENHANCE = {"input": URL, "output": "dlb://out/clip.mp4"}
TRANSCODE = {
    "inputs": [{"source": URL}],
    "outputs": [{"destination": "dlb://out/a.mp4", "kind": "mp4"}],
}
ITTYBIT = {"kind": "video", "input": URL}
CALLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "/media/enhance": ({"json": ENHANCE}, {"json": ENHANCE | {"output": "dlb://out/b.mp4"}}),
    "/media/transcode": (
        {"json": TRANSCODE},
        {"json": TRANSCODE | {"inputs": [{"source": f"{URL}?b"}]}},
    ),
    "/jobs": ({"json": ITTYBIT}, {"json": ITTYBIT | {"metadata": {"a": 1}}}),
    "/api/media/jobs": (
        {"files": {"media": MP4}, "data": {"preset": "web"}},
        {"files": {"media": ("clip.mp4", b"another file", "video/mp4")}, "data": {"preset": "web"}},
    ),
}


@pytest.mark.parametrize("path", CALLS)
async def test_a_key_makes_one_job_of_one_body_in_every_dialect(
    dialects: DialectHarness, path: str
) -> None:
    body, other = CALLS[path]
    headers = {"Idempotency-Key": "once"}
    first = await dialects.http.post(path, headers=headers, **body)
    assert first.status_code < 300, first.text
    again = await dialects.http.post(path, headers=headers, **body)
    assert (again.is_success, again.json()) == (True, first.json())
    assert (await dialects.http.post(path, headers=headers, **other)).status_code in (400, 422)
    assert len((await dialects.http.get("/v1/jobs")).json()["items"]) == 1


async def test_a_form_that_came_twice_is_stored_once(dialects: DialectHarness) -> None:
    form, headers = CALLS["/api/media/jobs"][0], {"Idempotency-Key": "once"}
    for _ in range(3):
        await dialects.http.post("/api/media/jobs", headers=headers, **form)
    kept = await dialects.services.storage.list("")
    assert len([info for info in kept if "/data-" in info.key]) == 1


async def test_a_cancel_that_came_twice_is_answered_alike(dialects: DialectHarness) -> None:
    path, headers = (
        f"/media/jobs/cancel?job_id={await dialects.enhance()}",
        {"Idempotency-Key": "c"},
    )
    first = await dialects.http.post(path, headers=headers)
    again = await dialects.http.post(path, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
