"""Refusals: whatever is sent, the answer is a 4xx that says what is wrong."""

import json

import pytest

from tests.unit.api.api_harness import ApiHarness

URL = "http://media.test/a.mp4"


GOOD = {"operation": "probe", "url": URL}


NESTED = (
    b'{"operation":"probe","url":"http://media.test/a","metadata":{"x":'
    + b"[" * 400
    + b"]" * 400
    + b"}}"
)


SOME_JOB = "01a20252-848a-77fe-a44d-2624d7e59562"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/jobs?limit=0", 422),
        ("/v1/jobs?limit=101", 422),
        ("/v1/jobs?limit=x", 422),
        ("/v1/jobs?status=done", 422),
        ("/v1/jobs?state=done", 422),
        ("/v1/jobs?created_after=yesterday", 422),
        ("/v1/jobs?cursor=eyJjcmVhdGVkX2F0IjogIjIwMjUtMDEtMTQifQ==", 400),
        ("/v1/jobs?cursor=%00", 400),
        ("/v1/jobs?cursor=" + "x" * 2000, 422),
        ("/v1/jobs/nope", 404),
        ("/v1/jobs/" + "9" * 300, 404),
        (f"/v1/jobs/{SOME_JOB}", 404),
        (f"/v1/jobs/{SOME_JOB}?wait=-1", 422),
        (f"/v1/jobs/{SOME_JOB}?wait=soon", 422),
        (f"/v1/jobs/{SOME_JOB}?wait=nan", 422),
        ("/v1/jobs/nope/events", 404),
        ("/v1/operations/nope", 404),
        ("/v1/info", 422),
        ("/v1/info?url=nope", 400),
        ("/v1/nothing", 404),
        ("/nothing", 404),
    ],
)
async def test_a_get_that_makes_no_sense_is_a_4xx(
    harness: ApiHarness, path: str, status: int
) -> None:
    answer = await harness.get(path)
    assert (answer.status_code, "code" in answer.json()) == (status, True), answer.text


@pytest.mark.parametrize(
    ("path", "content", "kind", "status"),
    [
        ("/v1/jobs", b"{nope", "application/json", 422),
        ("/v1/jobs", b"\xff\xfe", "application/json", 422),
        ("/v1/jobs", b'{"operation": "probe"}', "text/plain", 422),
        ("/v1/jobs", b"[" * 100_000, "application/json", 400),
        ("/v1/jobs", b'{"priority": 1' + b"0" * 10_000 + b"}", "application/json", 400),
        ("/v1/jobs", b'{"operation":"probe","url":"\\ud800"}', "application/json", 422),
        ("/v1/jobs", NESTED, "application/json", 422),
        ("/v1/jobs", json.dumps(GOOD | {"metadata": {"x": "\ud800"}}), "application/json", 422),
        ("/v1/uploads", b"", "application/json", 422),
        ("/v1/uploads", b"abc", "text/plain", 415),
        ("/v1/uploads", b'{"size": -1}', "application/json", 422),
        ("/v1/uploads", b'{"size": 99999999999999}', "application/json", 413),
        ("/v1/jobs:batch", b'{"jobs": []}', "application/json", 422),
        ("/v1/jobs:batchGet", b'{"job_ids": [1]}', "application/json", 422),
        ("/v1/preview", b'{"url": "http://a/b", "preview_type": "x"}', "application/json", 422),
        (
            "/v1/preview",
            b'{"url": "http://a/b", "preview_type": "gif", "duration": 20}',
            "application/json",
            422,
        ),
        (f"/v1/jobs/{SOME_JOB}/cancel", b"", "application/json", 404),
        (f"/v1/jobs/{SOME_JOB}/retry", b"", "application/json", 404),
        ("/v1/admin/pools/nope/pause", b"", "application/json", 404),
        ("/v1/admin/keys", b'{"tenant": "../x"}', "application/json", 422),
        ("/v1/admin/tenants/t/credits", b'{"credits": 0}', "application/json", 422),
    ],
)
async def test_a_post_that_makes_no_sense_is_a_4xx(
    harness: ApiHarness, path: str, content: bytes | str, kind: str, status: int
) -> None:
    answer = await harness.call("POST", path, content=content, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["code"]


async def test_the_wrong_method_names_the_right_one(harness: ApiHarness) -> None:
    answer = await harness.call("PATCH", "/v1/jobs/x/cancel")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/v1/jobs", "GET, POST"), ("/jobs", "GET, POST"), ("/media/enhance", "GET, POST")],
)
async def test_the_wrong_method_names_all_that_the_path_takes(
    harness: ApiHarness, path: str, allowed: str
) -> None:
    answer = await harness.call("PUT", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("path", "field"),
    [("/media/nope", "title"), ("/api/media/nope", "error"), ("/jobs/nope", "message")],
)
async def test_each_dialect_words_its_own_errors(
    harness: ApiHarness, path: str, field: str
) -> None:
    answer = await harness.get(path)
    assert answer.status_code == 404
    assert field in answer.json()
