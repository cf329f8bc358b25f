"""`Idempotency-Key`: once, however often it is sent."""

import asyncio

import msgspec
import pytest

from reelyard.actors.jobs.object_keys import answers_prefix
from reelyard.api.http.idempotency import FirstAnswer
from tests.unit.api.api_harness import ApiHarness

JOB = {"operation": "probe", "url": "http://media.test/a.mp4"}
OTHER = JOB | {"priority": 1}


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/v1/jobs", JOB, OTHER),
        (
            "/v1/preview",
            {"url": "http://media.test/a.mp4", "preview_type": "gif"},
            {"url": "http://media.test/a.mp4", "preview_type": "clip"},
        ),
        ("/v1/jobs:batch", {"jobs": [JOB, JOB]}, {"jobs": [JOB, JOB, JOB]}),
        ("/v1/jobs:batch", {"jobs": [JOB, {"operation": "nope"}]}, {"jobs": [OTHER]}),
        ("/v1/uploads", {"size": 5}, {"size": 6}),
        ("/v1/admin/tenants/t/credits", {"credits": 5}, {"credits": 6}),
    ],
)
async def test_the_same_body_gets_the_first_answer_and_another_body_none(
    harness: ApiHarness, path: str, body: object, other: object
) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await harness.post(path, body, headers=headers)
    assert first.status_code < 300, first.text
    jobs = len((await harness.get("/v1/jobs")).json()["items"])
    again = await harness.post(path, body, headers=headers)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    mismatch = await harness.post(path, other, headers=headers)
    assert (mismatch.status_code, mismatch.json()["code"]) == (422, "idempotency_mismatch")
    assert len((await harness.get("/v1/jobs")).json()["items"]) == jobs


async def test_the_first_answer_stays_the_same_after_the_job_has_run(harness: ApiHarness) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await harness.post("/v1/jobs", JOB, headers=headers)
    await harness.run(first.json()["job_id"])
    again = await harness.post("/v1/jobs", JOB, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


async def test_field_order_makes_no_other_body(harness: ApiHarness) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await harness.post("/v1/jobs", JOB, headers=headers)
    turned = dict(reversed(JOB.items()))
    assert (await harness.post("/v1/jobs", turned, headers=headers)).json() == first.json()


async def test_a_key_belongs_to_its_tenant(harness: ApiHarness) -> None:
    headers = {"Idempotency-Key": "k"}
    ids = set()
    for tenant in ("a", "b"):
        harness.use(await harness.key(tenant))
        ids.add((await harness.post("/v1/jobs", JOB, headers=headers)).json()["job_id"])
    assert len(ids) == 2


async def test_twenty_at_once_make_one_job(harness: ApiHarness) -> None:
    headers = {"Idempotency-Key": "k"}
    answers = await asyncio.gather(
        *(harness.post("/v1/jobs", JOB, headers=headers) for _ in range(20))
    )
    assert len({answer.json()["job_id"] for answer in answers}) == 1


async def test_retry_and_cancel_take_a_key(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    await harness.fail(await harness.lease())
    headers = {"Idempotency-Key": "r"}
    first = await harness.post(f"/v1/jobs/{job_id}/retry", headers=headers)
    again = await harness.post(f"/v1/jobs/{job_id}/retry", headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    headers = {"Idempotency-Key": "c"}
    for _ in range(2):
        answer = await harness.post(f"/v1/jobs/{job_id}/cancel", headers=headers)
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


async def test_a_batch_sent_again_takes_what_can_run_by_now_and_nothing_twice(
    harness: ApiHarness,
) -> None:
    upload = (await harness.post("/v1/uploads", {"size": 1})).json()
    batch = {"jobs": [{"operation": "probe", "upload_id": upload["upload_id"]}, JOB]}
    headers = {"Idempotency-Key": "k"}
    first = (await harness.post("/v1/jobs:batch", batch, headers=headers)).json()
    assert [item.get("status") for item in first["results"]] == [409, "pending"]
    tus = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }
    assert (
        await harness.call("PATCH", upload["url"], content=b"1", headers=tus)
    ).status_code == 204
    again = (await harness.post("/v1/jobs:batch", batch, headers=headers)).json()
    assert again["accepted"] == 2
    assert again["results"][1] == first["results"][1]
    assert again["results"][0]["source_url"] == upload["upload_id"]
    assert len((await harness.get("/v1/jobs")).json()["items"]) == 2


async def test_a_refused_request_does_not_use_up_its_key(harness: ApiHarness) -> None:
    headers = {"Idempotency-Key": "k"}
    job_id = await harness.submit()
    assert (await harness.post(f"/v1/jobs/{job_id}/retry", headers=headers)).status_code == 409
    await harness.fail(await harness.lease())
    assert (await harness.post(f"/v1/jobs/{job_id}/retry", headers=headers)).status_code == 202


async def test_what_was_begun_for_a_client_that_went_away_is_not_done_again(
    harness: ApiHarness,
) -> None:
    headers = {"Idempotency-Key": "k"}
    path, body = "/v1/admin/tenants/t/credits", {"credits": 5}
    gate = harness.counted.hold("grant")
    asking = asyncio.create_task(harness.post(path, body, headers=headers))
    await gate.reached.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert (await harness.post(path, body, headers=headers)).status_code == 409
    gate.open.set()
    while (again := await harness.post(path, body, headers=headers)).status_code == 409:
        await asyncio.sleep(0.01)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["credits_left"] == 5


async def test_an_api_key_is_made_once_and_shown_once(harness: ApiHarness) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await harness.post("/v1/admin/keys", {"tenant": "a", "admin": True}, headers=headers)
    harness.use(first.json()["key"])
    body = {"tenant": "b", "admin": True}
    made = await harness.post("/v1/admin/keys", body, headers=headers)
    again = await harness.post("/v1/admin/keys", body, headers=headers)
    assert (made.status_code, again.status_code) == (201, 409)
    assert made.json()["key"] not in again.text


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x7fb"])
async def test_a_key_that_is_none_is_refused(harness: ApiHarness, key: str) -> None:
    answer = await harness.post("/v1/jobs", JOB, headers={"Idempotency-Key": key})
    assert answer.status_code == 422


async def test_of_two_requests_that_see_a_key_expire_one_works_under_it(
    harness: ApiHarness,
) -> None:
    path, body, headers = "/v1/admin/tenants/t/credits", {"credits": 5}, {"Idempotency-Key": "k"}
    storage = harness.services.storage
    await harness.post(path, body, headers=headers)
    (kept,) = await storage.list(answers_prefix("default"))
    old = msgspec.json.decode(await storage.get(kept.key), type=FirstAnswer)
    await storage.put(kept.key, msgspec.json.encode(msgspec.structs.replace(old, expires_ms=1)))
    both_have_read, one_is_done, read = asyncio.Barrier(2), asyncio.Event(), storage.get

    async def get(key: str) -> bytes:
        found = await read(key)
        if b'"expires_ms":1,' in found and await both_have_read.wait():
            await one_is_done.wait()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "get", get)
        both = [asyncio.create_task(harness.post(path, body, headers=headers)) for _ in range(2)]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        one_is_done.set()
        answers = await asyncio.gather(*both)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (await harness.post(path, body, headers=headers)).json()["credits_left"] == 10
