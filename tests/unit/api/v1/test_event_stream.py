"""Event streams: history with ids, progress without, and going on after a break."""

import asyncio
from collections.abc import AsyncIterator

import httpx2

from reelyard.api.v1.event_stream import last_event_id
from tests.server_sent_events import Event, EventReader
from tests.unit.api.api_harness import ApiHarness


async def events(answer: httpx2.Response) -> AsyncIterator[Event]:
    reader = EventReader()
    async for line in answer.aiter_lines():
        if (event := reader.feed(line)) is not None:
            yield event


async def read(harness: ApiHarness, job_id: str, last: str | None = None) -> list[Event]:
    headers = harness.headers | ({"Last-Event-ID": last} if last else {})
    async with harness.http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [event async for event in events(answer)]


async def test_a_stream_tells_the_whole_history_and_ends_with_the_job(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    reading = asyncio.create_task(read(harness, job_id))
    await asyncio.sleep(0.05)
    lease = await harness.lease()
    await asyncio.sleep(0.05)
    await harness.progress(lease, 50)
    await asyncio.sleep(0.05)
    await harness.finish(lease)
    seen = await reading
    states = [event for event in seen if event["event"] == "state"]
    assert [event["data"]["state"] for event in states] == ["queued", "running", "succeeded"]
    assert [event["data"]["status"] for event in states] == ["pending", "processing", "completed"]
    assert [int(event["id"]) for event in states] == sorted({int(event["id"]) for event in states})
    assert states[-1]["data"]["job"]["job_id"] == job_id
    progress = [event for event in seen if event["event"] == "progress"]
    assert 50.0 in [event["data"]["progress"] for event in progress]
    assert not any("id" in event for event in progress)


async def test_a_client_that_comes_back_gets_only_what_it_missed(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    await harness.run(job_id)
    whole = [event for event in await read(harness, job_id) if "id" in event]
    rest = [event for event in await read(harness, job_id, whole[0]["id"]) if "id" in event]
    assert [event["id"] for event in rest] == [event["id"] for event in whole[1:]]


async def test_a_client_that_names_an_event_which_never_was_gets_them_all(
    harness: ApiHarness,
) -> None:
    job_id = await harness.submit()
    reading = asyncio.create_task(read(harness, job_id, "999999"))
    await asyncio.sleep(0.05)
    await harness.run(job_id)
    for seen in (await reading, await read(harness, job_id, "999999")):
        states = [event["data"]["state"] for event in seen if event["event"] == "state"]
        assert states == ["queued", "running", "succeeded"]


async def test_a_client_that_has_seen_the_end_is_told_to_stop(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    await harness.run(job_id)
    last = (await read(harness, job_id))[-1]["id"]
    answer = await harness.get(f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_job_that_is_not_there_is_a_404_and_no_stream(harness: ApiHarness) -> None:
    answer = await harness.get("/v1/jobs/01a20252-848a-77fe-a44d-2624d7e59562/events")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_last_event_id_that_is_not_ours_starts_from_the_beginning() -> None:
    assert [last_event_id(text) for text in (None, "", "x", "-1", "9" * 40, "٣")] == [0] * 6
    assert last_event_id("12") == 12
