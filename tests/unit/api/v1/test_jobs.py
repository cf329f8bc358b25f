"""`/v1/jobs` as VideoConduit's document has it, and as Reelyard extends it."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import pytest

from tests.unit.api.conftest import WORKER, Build, Desk

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


async def test_a_job_has_every_field_of_the_document_in_every_state(desk: Desk) -> None:
    job_id = await desk.submit(metadata={"order": 7}, priority=3)
    waiting = (await desk.get(f"/v1/jobs/{job_id}")).json()
    assert waiting.keys() >= DOCUMENTED
    assert (waiting["status"], waiting["state"]) == ("pending", "queued")
    assert waiting["download_url"] is waiting["result_data"] is waiting["completed_at"] is None
    assert ISO.fullmatch(waiting["created_at"])
    assert waiting["source_url"] == "http://media.test/clip.mp4"
    assert (waiting["metadata"], waiting["priority"]) == ({"order": 7}, 3)

    lease = await desk.lease()
    await desk.progress(lease, 40)
    running = (await desk.get(f"/v1/jobs/{job_id}")).json()
    assert (running["status"], running["state"]) == ("processing", "running")
    assert (running["progress"], running["phase"], running["speed"], running["eta_s"]) == (
        40.0,
        "encode",
        2.0,
        3.5,
    )
    assert running["tasks"][0]["attempts"][0]["worker"] == "cpu-1"

    await desk.finish(lease, duration=20)
    done = (await desk.get(f"/v1/jobs/{job_id}")).json()
    assert (done["status"], done["state"], done["progress"]) == ("completed", "succeeded", 100)
    assert done["result_data"] == {"duration": 20}
    assert done["error_message"] is None
    assert ISO.fullmatch(done["completed_at"])
    assert ISO.fullmatch(done["expires_at"])
    assert done["outputs"][0]["url"] == done["download_url"]
    assert done["outputs"][0]["facts"] == {"width": 16}


async def test_the_download_url_serves_the_output(desk: Desk) -> None:
    job_id = await desk.submit()
    await desk.run(job_id)
    url = (await desk.get(f"/v1/jobs/{job_id}")).json()["download_url"]
    assert (await desk.http.get(url)).content == b"picture"


async def test_a_failed_job_says_why_and_gives_its_credits_back(desk: Desk) -> None:
    key = await desk.key("t", credits=10)
    desk.use(key)
    job_id = await desk.submit()
    price = (await desk.get(f"/v1/jobs/{job_id}")).json()["credits_charged"]
    assert (await desk.get("/v1/usage")).json()["credits_left"] == 10 - price
    await desk.fail(await desk.lease())
    job = (await desk.get(f"/v1/jobs/{job_id}")).json()
    assert (job["status"], job["state"]) == ("failed", "failed")
    assert job["error_message"] == "it is damaged"
    assert job["error"] == {
        "code": "corrupt_media",
        "message": "it is damaged",
        "retryable": False,
    }
    assert job["refunded"]
    assert (await desk.get("/v1/usage")).json()["credits_left"] == 10


async def test_a_cancelled_job_reads_failed_and_its_state_cancelled(desk: Desk) -> None:
    job_id = await desk.submit()
    answer = await desk.post(f"/v1/jobs/{job_id}/cancel")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["state"]) == ("failed", "cancelled")
    assert answer.json()["error_message"]


async def test_delete_cancels_and_a_finished_job_can_not_be_cancelled(desk: Desk) -> None:
    first, second = await desk.submit(), await desk.submit()
    await desk.run(first)
    late = await desk.call("DELETE", f"/v1/jobs/{first}")
    assert (late.status_code, late.json()["code"]) == (409, "already_finished")
    assert (await desk.call("DELETE", f"/v1/jobs/{second}")).json()["state"] == "cancelled"


async def test_a_failed_job_can_be_tried_again_and_a_waiting_one_not(desk: Desk) -> None:
    job_id = await desk.submit()
    assert (await desk.post(f"/v1/jobs/{job_id}/retry")).status_code == 409
    await desk.fail(await desk.lease())
    again = await desk.post(f"/v1/jobs/{job_id}/retry")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    await desk.run(job_id)
    assert (await desk.get(f"/v1/jobs/{job_id}")).json()["status"] == "completed"


async def test_wait_answers_when_the_job_ends(desk: Desk) -> None:
    job_id = await desk.submit()
    waiting = asyncio.create_task(desk.get(f"/v1/jobs/{job_id}?wait=20"))
    await asyncio.sleep(0.05)
    await desk.run(job_id)
    assert (await waiting).json()["status"] == "completed"


async def test_wait_gives_the_job_as_it_is_when_the_time_is_up(make_desk: Build) -> None:
    desk = await make_desk(max_wait_s=0.05)
    job_id = await desk.submit()
    assert (await desk.get(f"/v1/jobs/{job_id}?wait=1000")).json()["status"] == "pending"


async def test_the_list_pages_through_everything_once_newest_first(desk: Desk) -> None:
    made = [await desk.submit(url=f"http://media.test/{n}.mp4") for n in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = (await desk.get("/v1/jobs", params={"limit": 2} | _cursor(cursor))).json()
        assert page.keys() == {"items", "next_cursor", "has_more"}
        assert all(item.keys() >= SHORT for item in page["items"])
        seen += [item["job_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
        await desk.submit()
    assert cursor is None
    assert seen == made[::-1]


def _cursor(cursor: str | None) -> dict[str, str]:
    return {"cursor": cursor} if cursor else {}


async def test_the_list_filters_by_the_documents_words_and_by_ours(desk: Desk) -> None:
    done, failed, cancelled, running = [
        await desk.submit(url=f"http://media.test/{n}.mp4") for n in range(4)
    ]
    await desk.run(done)
    await desk.fail(await desk.lease())
    await desk.post(f"/v1/jobs/{cancelled}/cancel")
    await desk.lease()
    waiting = await desk.submit(operation="preview", params={"preview_type": "gif"})

    async def ids(**params: str) -> set[str]:
        answer = await desk.get("/v1/jobs", params=params)
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


async def test_a_batch_takes_the_good_and_names_the_bad(desk: Desk) -> None:
    good = {"operation": "probe", "url": "http://media.test/a.mp4"}
    jobs: list[Any] = [
        good,
        {"operation": "nope", "url": "x"},
        5,
        good | {"params": {"x": 1}},
        good,
    ]
    answer = await desk.post("/v1/jobs:batch", {"jobs": jobs})
    assert answer.status_code == 202
    body = answer.json()
    assert (body["accepted"], body["refused"]) == (2, 3)
    assert ["job_id" in item for item in body["results"]] == [True, False, False, False, True]
    assert [item["index"] for item in body["results"] if "error" in item] == [1, 2, 3]
    assert all(item["status"] < 500 for item in body["results"] if "error" in item)
    found = await desk.post(
        "/v1/jobs:batchGet", {"job_ids": [body["results"][0]["job_id"], str(uuid4()), "junk"]}
    )
    assert [job["status"] for job in found.json()["items"]] == ["pending"]
    assert len(found.json()["missing"]) == 2


async def test_a_batch_beyond_the_limit_is_refused_whole(make_desk: Build) -> None:
    desk = await make_desk(max_batch_jobs=2)
    job = {"operation": "probe", "url": "http://media.test/a.mp4"}
    assert (await desk.post("/v1/jobs:batch", {"jobs": [job] * 3})).status_code == 422
    assert (await desk.get("/v1/jobs")).json()["items"] == []


async def test_a_graph_runs_as_one_job_with_its_tasks(desk: Desk) -> None:
    job_id = await desk.submit(
        operation=None,
        tasks=[
            {"name": "small", "operation": "image", "params": {"width": 8}},
            {"name": "facts", "operation": "probe", "inputs": ["task:small"]},
        ],
    )
    job = (await desk.get(f"/v1/jobs/{job_id}")).json()
    assert [task["name"] for task in job["tasks"]] == ["small", "facts"]
    assert job["tasks"][1]["needs"] == ["small"]
    assert job["operation"] == "probe"


async def test_the_output_of_a_job_can_be_the_input_of_another(desk: Desk) -> None:
    first = await desk.submit()
    early = await desk.post("/v1/jobs", {"operation": "probe", "input": f"job:{first}"})
    assert (early.status_code, early.json()["code"]) == (409, "not_ready")
    await desk.run(first)
    await desk.submit(url=None, input=f"job:{first}/clip.jpg")
    assert (await desk.lease()).inputs[0].endswith("/clip.jpg")


async def test_polls_of_many_clients_travel_together(desk: Desk) -> None:
    job_id = await desk.submit()
    desk.counted.calls.clear()
    await asyncio.gather(*(desk.get(f"/v1/jobs/{job_id}") for _ in range(50)))
    assert desk.counted.calls["get_many"] < 20
    await desk.run(job_id)
    await desk.get(f"/v1/jobs/{job_id}")
    desk.counted.calls.clear()
    await desk.get(f"/v1/jobs/{job_id}")
    assert "get_many" not in desk.counted.calls


@pytest.mark.parametrize("preview_type", ["gif", "thumbnail", "mosaic", "clip"])
async def test_a_preview_as_the_document_asks_for_it(desk: Desk, preview_type: str) -> None:
    sent = {"url": "http://media.test/v.mp4", "preview_type": preview_type, "width": 320}
    answer = await desk.post("/v1/preview", sent)
    assert answer.status_code == 202
    assert (answer.json()["job_type"], answer.json()["credits_charged"]) == ("preview", 1)
    job = (await desk.get(f"/v1/jobs/{answer.json()['job_id']}")).json()
    assert job["parameters"] == sent


async def test_info_waits_for_the_probe_and_answers_with_it(desk: Desk) -> None:
    asked = asyncio.create_task(desk.get("/v1/info", params={"url": "http://media.test/v.mp4"}))
    lease = (await desk.registry.lease(WORKER, 1, [], 5)).leases[0]
    await desk.finish(lease, format="mp4", duration_s=20)
    body = (await asked).json()
    assert (body["format"], body["duration_s"]) == ("mp4", 20)
    assert body["source_url"] == "http://media.test/v.mp4"


async def test_info_of_something_broken_says_so(desk: Desk) -> None:
    asked = asyncio.create_task(desk.get("/v1/info", params={"url": "http://media.test/v.mp4"}))
    await desk.fail((await desk.registry.lease(WORKER, 1, [], 5)).leases[0])
    assert ((await asked).status_code, (await asked).json()["code"]) == (422, "corrupt_media")


async def test_info_gives_up_in_time_and_takes_its_job_back(make_desk: Build) -> None:
    desk = await make_desk(max_wait_s=0.05)
    answer = await desk.get("/v1/info", params={"url": "http://media.test/v.mp4"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert (await desk.get("/v1/jobs")).json()["items"][0]["state"] == "cancelled"
