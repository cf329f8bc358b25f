"""`/v1/jobs` as VideoConduit's document has it, and as Reelyard extends it."""

import asyncio
import re

from tests.unit.api.api_harness import ApiHarness, MakeHarness

DOCUMENTED = {
    "job_id",
    "job_type",
    "status",
    "source_url",
    "parameters",
    "credits_charged",
    "download_url",
    "result_data",
    "error_message",
    "created_at",
    "completed_at",
    "expires_at",
}


SHORT = {"job_id", "job_type", "status", "source_url", "credits_charged", "created_at"}


ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def test_a_job_has_every_field_of_the_document_in_every_state(harness: ApiHarness) -> None:
    job_id = await harness.submit(metadata={"order": 7}, priority=3)
    waiting = (await harness.get(f"/v1/jobs/{job_id}")).json()
    assert waiting.keys() >= DOCUMENTED
    assert (waiting["status"], waiting["state"]) == ("pending", "queued")
    assert waiting["download_url"] is waiting["result_data"] is waiting["completed_at"] is None
    assert ISO.fullmatch(waiting["created_at"])
    assert waiting["source_url"] == "http://media.test/clip.mp4"
    assert (waiting["metadata"], waiting["priority"]) == ({"order": 7}, 3)

    lease = await harness.lease()
    await harness.progress(lease, 40)
    running = (await harness.get(f"/v1/jobs/{job_id}")).json()
    assert (running["status"], running["state"]) == ("processing", "running")
    assert (running["progress"], running["phase"], running["speed"], running["eta_s"]) == (
        40.0,
        "encode",
        2.0,
        3.5,
    )
    assert running["tasks"][0]["attempts"][0]["worker"] == "cpu-1"

    await harness.finish(lease, duration=20)
    done = (await harness.get(f"/v1/jobs/{job_id}")).json()
    assert (done["status"], done["state"], done["progress"]) == ("completed", "succeeded", 100)
    assert done["result_data"] == {"duration": 20}
    assert done["error_message"] is None
    assert ISO.fullmatch(done["completed_at"])
    assert ISO.fullmatch(done["expires_at"])
    assert done["outputs"][0]["url"] == done["download_url"]
    assert done["outputs"][0]["facts"] == {"width": 16}


async def test_the_download_url_serves_the_output(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    await harness.run(job_id)
    url = (await harness.get(f"/v1/jobs/{job_id}")).json()["download_url"]
    assert (await harness.http.get(url)).content == b"picture"


async def test_a_failed_job_says_why_and_gives_its_credits_back(harness: ApiHarness) -> None:
    key = await harness.key("t", credits=10)
    harness.use(key)
    job_id = await harness.submit()
    price = (await harness.get(f"/v1/jobs/{job_id}")).json()["credits_charged"]
    assert (await harness.get("/v1/usage")).json()["credits_left"] == 10 - price
    await harness.fail(await harness.lease())
    job = (await harness.get(f"/v1/jobs/{job_id}")).json()
    assert (job["status"], job["state"]) == ("failed", "failed")
    assert job["error_message"] == "it is damaged"
    assert job["error"] == {
        "code": "corrupt_media",
        "message": "it is damaged",
        "retryable": False,
        "details": {},
    }
    assert job["refunded"]
    assert (await harness.get("/v1/usage")).json()["credits_left"] == 10


async def test_a_cancelled_job_reads_failed_and_its_state_cancelled(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    answer = await harness.post(f"/v1/jobs/{job_id}/cancel")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["state"]) == ("failed", "cancelled")
    assert answer.json()["error_message"]


async def test_delete_cancels_and_a_finished_job_can_not_be_cancelled(harness: ApiHarness) -> None:
    first, second = await harness.submit(), await harness.submit()
    await harness.run(first)
    late = await harness.call("DELETE", f"/v1/jobs/{first}")
    assert (late.status_code, late.json()["code"]) == (409, "already_finished")
    assert (await harness.call("DELETE", f"/v1/jobs/{second}")).json()["state"] == "cancelled"


async def test_a_failed_job_can_be_tried_again_and_a_waiting_one_not(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    assert (await harness.post(f"/v1/jobs/{job_id}/retry")).status_code == 409
    await harness.fail(await harness.lease())
    again = await harness.post(f"/v1/jobs/{job_id}/retry")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    await harness.run(job_id)
    assert (await harness.get(f"/v1/jobs/{job_id}")).json()["status"] == "completed"


async def test_wait_answers_when_the_job_ends(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    waiting = asyncio.create_task(harness.get(f"/v1/jobs/{job_id}?wait=20"))
    await asyncio.sleep(0.05)
    await harness.run(job_id)
    assert (await waiting).json()["status"] == "completed"


async def test_wait_gives_the_job_as_it_is_when_the_time_is_up(make_harness: MakeHarness) -> None:
    harness = await make_harness(max_wait_s=0.05)
    job_id = await harness.submit()
    assert (await harness.get(f"/v1/jobs/{job_id}?wait=1000")).json()["status"] == "pending"


async def test_the_list_pages_through_everything_once_newest_first(harness: ApiHarness) -> None:
    made = [await harness.submit(url=f"http://media.test/{n}.mp4") for n in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = (await harness.get("/v1/jobs", params={"limit": 2} | _cursor(cursor))).json()
        assert page.keys() == {"items", "next_cursor", "has_more"}
        assert all(item.keys() >= SHORT for item in page["items"])
        seen += [item["job_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
        await harness.submit()
    assert cursor is None
    assert seen == made[::-1]


def _cursor(cursor: str | None) -> dict[str, str]:
    return {"cursor": cursor} if cursor else {}


async def test_the_list_filters_by_the_documents_words_and_by_ours(harness: ApiHarness) -> None:
    done, failed, cancelled, running = [
        await harness.submit(url=f"http://media.test/{n}.mp4") for n in range(4)
    ]
    await harness.run(done)
    await harness.fail(await harness.lease())
    await harness.post(f"/v1/jobs/{cancelled}/cancel")
    await harness.lease()
    waiting = await harness.submit(operation="preview", params={"preview_type": "gif"})

    async def ids(**params: str) -> set[str]:
        answer = await harness.get("/v1/jobs", params=params)
        assert answer.status_code == 200, answer.text
        return {item["job_id"] for item in answer.json()["items"]}

    assert await ids(status="completed") == await ids(status="succeeded") == {done}
    assert await ids(status="failed") == {failed, cancelled}
    assert await ids(state="failed") == {failed}
    assert await ids(status="cancelled") == {cancelled}
    assert await ids(status="processing") == await ids(status="running") == {running}
    assert await ids(status="pending") == await ids(status="queued") == {waiting}
    assert await ids(job_type="preview") == {waiting}
    assert await ids(job_type="probe", status="failed") == {failed, cancelled}
    assert await ids(input="http://media.test/0.mp4") == {done}
    assert await ids(created_after="2000-01-01T00:00:00Z") == {
        done,
        failed,
        cancelled,
        running,
        waiting,
    }
    assert await ids(created_before="2000-01-01") == set()


async def test_polls_of_many_clients_travel_together(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    harness.counted.calls.clear()
    await asyncio.gather(*(harness.get(f"/v1/jobs/{job_id}") for _ in range(50)))
    assert harness.counted.calls["get_many"] < 20
    await harness.run(job_id)
    await harness.get(f"/v1/jobs/{job_id}")
    harness.counted.calls.clear()
    await harness.get(f"/v1/jobs/{job_id}")
    assert "get_many" not in harness.counted.calls
