"""A job of each surface, through every other."""

from __future__ import annotations

from tests.dialect_world import World


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


async def test_every_surface_knows_the_ids_of_the_others(world: World) -> None:
    ittybit = (await world.create()).json()["id"]
    for path in (f"/v1/jobs/{ittybit}", f"/api/media/jobs/{ittybit}", f"/jobs/{ittybit}"):
        assert (await world.http.get(path)).status_code == 200, path
    found = (await world.http.get(f"/media/transcode?job_id={ittybit}")).json()
    assert found["status"] == "Pending"


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
