"""A job of each surface, through every other."""

from __future__ import annotations

from actors.jobs.messages import WorkerInfo
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


async def words(world: World, job_id: str) -> dict[str, str]:
    """How each surface calls the state of the job."""

    async def told(path: str) -> str:
        answer = await world.http.get(path)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["status"])

    entries = (await world.http.get("/media/jobs")).json()["jobs"]
    (listed,) = [entry["status"] for entry in entries if entry["job_id"] == job_id]
    polled = await told(f"/media/enhance?job_id={job_id}")
    assert listed == polled
    return {
        "dolby": polled,
        "v1": await told(f"/v1/jobs/{job_id}"),
        "pipelyn": await told(f"/api/media/jobs/{job_id}"),
        "ittybit": await told(f"/jobs/{job_id}"),
    }


async def test_each_state_has_the_word_of_each_surface(world: World) -> None:
    async def said(job_id: str) -> str:
        return " ".join((await words(world, job_id)).values())

    done = await world.enhance()
    assert await said(done) == "Pending pending pending queued"
    await world.work()
    assert await said(done) == "Success completed done succeeded"
    broken = await world.enhance()
    await world.work(error="corrupt_media")
    assert await said(broken) == "Failed failed failed failed"
    running = await world.enhance()
    worker = WorkerInfo("slot", "one", "cpu", "node", ["light", "cpu"])
    assert (await world.registry.lease(worker, 1, [], 5)).leases
    assert await said(running) == "Running processing processing processing"
    await world.http.post("/media/jobs/cancel", params={"job_id": running})
    assert await said(running) == "Cancelled failed failed cancelled"


async def test_a_cancelled_job_tells_each_surface_why_it_gave_nothing(world: World) -> None:
    job_id = await world.enhance()
    await world.http.post("/media/jobs/cancel", params={"job_id": job_id})
    own = (await world.http.get(f"/v1/jobs/{job_id}")).json()
    assert (own["state"], own["refunded"], own["download_url"]) == ("cancelled", True, None)
    assert "cancelled" in own["error_message"]
    pipelyn = (await world.http.get(f"/api/media/jobs/{job_id}")).json()
    assert "cancelled" in pipelyn["error"]["message"]
    early = await world.http.get(f"/api/media/jobs/{job_id}/download")
    assert (early.status_code, early.json()["code"]) == (409, "not-ready")
    ittybit = (await world.http.get(f"/jobs/{job_id}")).json()
    assert [task["status"] for task in ittybit["tasks"]] == ["cancelled"]
    dolby = (await world.http.get("/media/enhance", params={"job_id": job_id})).json()
    assert "error" not in dolby


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
