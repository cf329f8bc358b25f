"""A job of each surface, through every other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialect_world import MP4, URL, World


async def test_a_job_of_each_surface_is_seen_through_every_other(world: World) -> None:
    dolby = await world.enhance()
    pipelyn = await world.submit()
    ittybit = (await world.create()).json()["id"]
    listed = {job["id"]: job["kind"] for job in (await world.http.get("/jobs")).json()}
    assert len(listed) == 3
    assert ittybit in listed
    entries = {job["job_id"]: job for job in (await world.http.get("/media/jobs")).json()["jobs"]}
    assert entries[dolby]["path"] == "/media/enhance"
    assert entries[pipelyn]["path"] == "/media/transcode"
    for job_id, entry in entries.items():
        polled = await world.http.get(entry["path"], params={"job_id": job_id})
        assert polled.json()["status"] == "Pending"
        assert (await world.http.get(f"/api/media/jobs/{job_id}")).json()["status"] == "pending"
        assert (await world.http.get(f"/v1/jobs/{job_id}")).json()["status"] == "pending"


async def test_nobody_sees_the_jobs_of_another_tenant(world: World) -> None:
    dolby = await world.enhance()
    ittybit = (await world.create()).json()["id"]
    for path in (
        f"/media/enhance?job_id={dolby}",
        f"/api/media/jobs/{dolby}",
        f"/jobs/{ittybit}",
    ):
        assert (await world.http.get(path, headers=world.other)).status_code == 404, path
    assert (await world.http.get("/media/jobs", headers=world.other)).json()["count"] == 0
    assert (await world.http.get("/jobs", headers=world.other)).json() == []
    refused = await world.http.post(f"/media/jobs/cancel?job_id={dolby}", headers=world.other)
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
async def test_a_key_makes_one_job_of_one_body_in_every_dialect(world: World, path: str) -> None:
    body, other = CALLS[path]
    headers = {"Idempotency-Key": "once"}
    first = await world.http.post(path, headers=headers, **body)
    assert first.status_code < 300, first.text
    again = await world.http.post(path, headers=headers, **body)
    assert (again.is_success, again.json()) == (True, first.json())
    assert (await world.http.post(path, headers=headers, **other)).status_code in (400, 422)
    assert len((await world.http.get("/v1/jobs")).json()["items"]) == 1


async def test_a_form_that_came_twice_is_stored_once(world: World) -> None:
    form, headers = CALLS["/api/media/jobs"][0], {"Idempotency-Key": "once"}
    for _ in range(3):
        await world.http.post("/api/media/jobs", headers=headers, **form)
    kept = await world.services.storage.list("")
    assert len([info for info in kept if "/part-" in info.key]) == 1


async def test_a_cancel_that_came_twice_is_answered_alike(world: World) -> None:
    path, headers = f"/media/jobs/cancel?job_id={await world.enhance()}", {"Idempotency-Key": "c"}
    first = await world.http.post(path, headers=headers)
    again = await world.http.post(path, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
