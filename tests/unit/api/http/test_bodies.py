"""JSON that can't be kept as it was sent."""

import pytest

from tests.unit.api.api_harness import ApiHarness

UNKEEPABLE = {
    "NaN": "nan is not a finite number",
    "-Infinity": "-inf is not a finite number",
    "1e999": "inf is not a finite number",
    "1" + "0" * 30: "takes more than 64 bits",
    "-9223372036854775809": "takes more than 64 bits",
    '"\\ud800"': "half a surrogate pair",
    '{"\\udfff": 1}': "half a surrogate pair",
    "[" * 40 + "]" * 40: "nested 32 deep",
}


PLACES = {
    "/v1/jobs": '{"operation": "probe", "url": "http://a/b", "metadata": {"x": %s}}',
    "/v1/jobs:batchGet": '{"job_ids": ["x", %s]}',
    "/v1/preview": '{"url": "http://a/b", "preview_type": "gif", "start": %s}',
    "/v1/admin/keys": '{"name": %s}',
    "/v1/admin/tenants/t/credits": '{"credits": %s}',
    "/media/enhance": '{"input": "http://a/b", "output": "dlb://o", "on_complete": '
    '{"url": "http://a/b", "body": %s}}',
    "/jobs": '{"kind": "video", "url": "http://a/b", "metadata": {"x": %s}}',
}


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "once"}])
@pytest.mark.parametrize(("place", "body"), PLACES.items())
async def test_what_can_not_be_kept_as_it_was_sent_is_refused(
    harness: ApiHarness, place: str, body: str, key: dict[str, str]
) -> None:
    for value, fault in UNKEEPABLE.items():
        kind = {"content-type": "application/json"}
        answer = await harness.call("POST", place, content=body % value, headers=kind | key)
        assert answer.status_code in (400, 422), (value, answer.text)
        assert fault in answer.text
    assert (await harness.get("/v1/jobs")).json()["items"] == []


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "once"}])
async def test_what_can_not_be_kept_spoils_its_own_item_of_a_batch_alone(
    harness: ApiHarness, key: dict[str, str]
) -> None:
    item = PLACES["/v1/jobs"]
    items = [item % value for value in ("1", *UNKEEPABLE, "2")]
    answer = await harness.call(
        "POST",
        "/v1/jobs:batch",
        content=f'{{"jobs": [{",".join(items)}]}}',
        headers={"content-type": "application/json"} | key,
    )
    results = answer.json()["results"]
    assert ["job_id" in result for result in results] == [True, *[False] * len(UNKEEPABLE), True]
    for result, fault in zip(results[1:-1], UNKEEPABLE.values(), strict=True):
        assert fault in result["error"]["message"]


async def test_numbers_at_the_edge_of_what_is_kept_come_back(harness: ApiHarness) -> None:
    numbers = {
        "most": 2**64 - 1,
        "least": -(2**63),
        "real": 1e308,
        "pair": "\U0001f600",
        "nul": "\0",
    }
    job_id = await harness.submit(metadata=numbers)
    assert (await harness.get(f"/v1/jobs/{job_id}")).json()["metadata"] == numbers
