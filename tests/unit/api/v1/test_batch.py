"""`POST /v1/jobs:batch`: many jobs, each by itself."""

from typing import Any
from uuid import uuid4

from tests.unit.api.api_harness import ApiHarness, MakeHarness


async def test_a_batch_takes_the_good_and_names_the_bad(harness: ApiHarness) -> None:
    good = {"operation": "probe", "url": "http://media.test/a.mp4"}
    jobs: list[Any] = [
        good,
        {"operation": "nope", "url": "x"},
        5,
        good | {"params": {"x": 1}},
        good,
    ]
    answer = await harness.post("/v1/jobs:batch", {"jobs": jobs})
    assert answer.status_code == 202
    body = answer.json()
    assert (body["accepted"], body["refused"]) == (2, 3)
    assert ["job_id" in item for item in body["results"]] == [True, False, False, False, True]
    assert [item["index"] for item in body["results"] if "error" in item] == [1, 2, 3]
    assert all(item["status"] < 500 for item in body["results"] if "error" in item)
    found = await harness.post(
        "/v1/jobs:batchGet", {"job_ids": [body["results"][0]["job_id"], str(uuid4()), "junk"]}
    )
    assert [job["status"] for job in found.json()["items"]] == ["pending"]
    assert len(found.json()["missing"]) == 2


async def test_a_batch_beyond_the_limit_is_refused_whole(make_harness: MakeHarness) -> None:
    harness = await make_harness(max_batch_jobs=2)
    job = {"operation": "probe", "url": "http://media.test/a.mp4"}
    assert (await harness.post("/v1/jobs:batch", {"jobs": [job] * 3})).status_code == 422
    assert (await harness.get("/v1/jobs")).json()["items"] == []
