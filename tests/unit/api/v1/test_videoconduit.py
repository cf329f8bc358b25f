"""VideoConduit's preview and info."""

import asyncio

import pytest

from tests.unit.api.api_harness import WORKER, ApiHarness, MakeHarness

URL = "http://media.test/a.mp4"


async def test_a_webhook_is_refused_with_what_to_do_instead(harness: ApiHarness) -> None:
    body = {"url": URL, "preview_type": "gif"}
    answer = await harness.post("/v1/preview", body | {"webhook_url": "https://example.com/hook"})
    (fault,) = answer.json()["detail"]
    assert (answer.status_code, fault["loc"]) == (422, ["body", "webhook_url"])
    assert "poll GET /v1/jobs/{job_id}" in fault["msg"]
    assert (await harness.post("/v1/preview", body | {"webhook_url": None})).status_code == 202


@pytest.mark.parametrize("preview_type", ["gif", "thumbnail", "mosaic", "clip"])
async def test_a_preview_as_the_document_asks_for_it(
    harness: ApiHarness, preview_type: str
) -> None:
    sent = {"url": "http://media.test/v.mp4", "preview_type": preview_type, "width": 320}
    answer = await harness.post("/v1/preview", sent)
    assert answer.status_code == 202
    assert (answer.json()["job_type"], answer.json()["credits_charged"]) == ("preview", 1)
    job = (await harness.get(f"/v1/jobs/{answer.json()['job_id']}")).json()
    assert job["parameters"] == sent


async def test_info_waits_for_the_probe_and_answers_with_it(harness: ApiHarness) -> None:
    asked = asyncio.create_task(harness.get("/v1/info", params={"url": "http://media.test/v.mp4"}))
    lease = (await harness.registry.lease(WORKER, 1, [], 5)).leases[0]
    await harness.finish(lease, format="mp4", duration_s=20)
    body = (await asked).json()
    assert (body["format"], body["duration_s"]) == ("mp4", 20)
    assert body["source_url"] == "http://media.test/v.mp4"


async def test_info_of_something_broken_says_so(harness: ApiHarness) -> None:
    asked = asyncio.create_task(harness.get("/v1/info", params={"url": "http://media.test/v.mp4"}))
    await harness.fail((await harness.registry.lease(WORKER, 1, [], 5)).leases[0])
    assert ((await asked).status_code, (await asked).json()["code"]) == (422, "corrupt_media")


async def test_info_gives_up_in_time_and_takes_its_job_back(make_harness: MakeHarness) -> None:
    harness = await make_harness(max_wait_s=0.05)
    answer = await harness.get("/v1/info", params={"url": "http://media.test/v.mp4"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert (await harness.get("/v1/jobs")).json()["items"][0]["state"] == "cancelled"
