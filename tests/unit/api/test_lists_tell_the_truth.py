"""What a list says of a job is what the job itself says."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from reelyard.api.client.async_client import AsyncClient
from reelyard.api.client.http_transport import HttpTransport
from tests.unit.api.api_harness import URL, ApiHarness

PARAMS = {"preview_type": "thumbnail", "width": 64}
RESULT = {"width": 64, "frames": 1}


async def jobs_in_every_state(harness: ApiHarness) -> dict[str, str]:
    """A job that succeeded with an output and data, one that failed, one that runs, one that waits
    and one that was cancelled, by state."""
    ids = {}
    ids["succeeded"] = await harness.submit(operation="preview", params=PARAMS)
    await harness.run(ids["succeeded"], **RESULT)
    ids["failed"] = await harness.submit(metadata={"shelf": "b4"})
    await harness.fail(await harness.lease())
    ids["running"] = await harness.submit()
    await harness.progress(await harness.lease(), 40)
    ids["cancelled"] = await harness.submit()
    await harness.post(f"/v1/jobs/{ids['cancelled']}/cancel")
    ids["queued"] = await harness.submit(operation="transcode", params={"height": 90})
    return ids


async def whole(harness: ApiHarness, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await harness.get(f"/v1/jobs/{job_id}")).json()
    return found


async def test_every_field_of_a_listed_job_is_as_in_the_job_itself(harness: ApiHarness) -> None:
    ids = await jobs_in_every_state(harness)
    items = (await harness.get("/v1/jobs")).json()["items"]
    assert {item["job_id"] for item in items} == set(ids.values())
    running = (await harness.get("/v1/admin/overview")).json()["running"]
    assert [item["job_id"] for item in running] == [ids["running"]]
    for item in [*items, *running]:
        job = await whole(harness, item["job_id"])
        assert {name: job[name] for name in item if name != "tenant"} == {
            name: value for name, value in item.items() if name != "tenant"
        }
        assert not {"parameters", "outputs", "result_data", "tasks"} & item.keys()


async def test_the_job_in_the_event_of_its_end_is_as_the_job_itself(harness: ApiHarness) -> None:
    ids = await jobs_in_every_state(harness)
    text = (await harness.get(f"/v1/jobs/{ids['succeeded']}/events")).text
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    told = json.loads(data[-1])["job"]
    job = await whole(harness, ids["succeeded"])
    assert {name: job[name] for name in told} == told


async def test_jobs_looked_up_together_are_whole(harness: ApiHarness) -> None:
    ids = await jobs_in_every_state(harness)
    items = (await harness.post("/v1/jobs:batchGet", {"job_ids": list(ids.values())})).json()
    for item in items["items"]:
        job = await whole(harness, item["job_id"])
        assert item.keys() == job.keys()
        signed = {"download_url", "outputs", "expires_at"}
        assert {k: v for k, v in item.items() if k not in signed} == {
            k: v for k, v in job.items() if k not in signed
        }
        assert [one["name"] for one in item["outputs"]] == [one["name"] for one in job["outputs"]]


def client_of(harness: ApiHarness) -> AsyncClient:
    """The Python client over HTTP, with the test's own server behind it."""
    transport = HttpTransport(URL)
    transport._http = httpx2.AsyncClient(transport=harness.http._transport, base_url=URL)
    return AsyncClient(transport=transport)


async def test_a_listed_job_gives_its_result_its_outputs_and_its_parameters(
    harness: ApiHarness,
) -> None:
    ids = await jobs_in_every_state(harness)
    async with client_of(harness) as client:
        listed = {job.state.value: job async for job in client.jobs()}
        assert {state: job.job_id for state, job in listed.items()} == ids
        for state, job in listed.items():
            got = await client.get(job)
            assert job.parameters == got.parameters
            assert job.result_data == got.result_data
            assert [one.name for one in job.outputs] == [one.name for one in got.outputs]
            assert [task["name"] for task in job.tasks] == [task["name"] for task in got.tasks]
            assert state == got.state.value
        assert listed["succeeded"].result() == RESULT
        assert listed["succeeded"].parameters == PARAMS
        assert [one.name for one in listed["succeeded"].outputs] == ["clip.jpg"]
        assert listed["failed"].error is not None


async def test_a_job_that_was_waited_for_gives_its_result(harness: ApiHarness) -> None:
    ids = await jobs_in_every_state(harness)
    async with client_of(harness) as client:
        waited = await client.wait(ids["succeeded"])
    assert waited.result() == RESULT


async def test_a_dialects_list_says_of_a_job_what_polling_it_says(harness: ApiHarness) -> None:
    ids = await jobs_in_every_state(harness)
    for item in (await harness.get("/jobs")).json():
        job = (await harness.get(f"/jobs/{item['id']}")).json()
        assert {name: job[name] for name in item if name not in ("output", "tasks")} == {
            name: item[name] for name in item if name not in ("output", "tasks")
        }
        assert (item["output"] is None) == (job["output"] is None)
        assert [task["status"] for task in item["tasks"]] == [
            task["status"] for task in job["tasks"]
        ]
    for entry in (await harness.get("/media/jobs")).json()["jobs"]:
        polled = (await harness.get(f"{entry['path']}?job_id={entry['job_id']}")).json()
        told = ("path", "status", "progress", "api_version")
        assert {name: entry[name] for name in told} == {name: polled[name] for name in told}
    assert ids
