"""Refusals: whatever is sent, the answer is a 4xx that says what is wrong."""

import gzip
import json
from typing import Any

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
        ("/v1/jobs", b'{"operation": "probe"}', "text/plain", 415),
        ("/v1/jobs", b"[" * 100_000, "application/json", 422),
        ("/v1/jobs", b'{"priority": 1' + b"0" * 10_000 + b"}", "application/json", 422),
        ("/v1/jobs", b'{"operation": "", "url": "http://a/b"}', "application/json", 422),
        ("/jobs", b'{"kind": "", "input": "http://a/b"}', "application/json", 400),
        ("/v1/jobs", b'{"tasks": [{"name": "a", "operation": ""}]}', "application/json", 422),
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
    assert answer.json()["kind" if path == "/jobs" else "code"]


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs:batch", "/jobs", "/media/enhance"])
@pytest.mark.parametrize(
    ("headers", "content", "told"),
    [
        (
            {"content-type": "application/x-www-form-urlencoded"},
            b"operation=probe",
            "Content-Type: must be application/json, not 'application/x-www-form-urlencoded'",
        ),
        (
            {"content-type": "application/json", "content-encoding": "gzip"},
            gzip.compress(b"{}", mtime=0),
            "Content-Encoding: a body must come as it is, not 'gzip'",
        ),
    ],
)
async def test_a_body_that_is_no_plain_json_is_told_by_its_header(
    harness: ApiHarness, path: str, headers: dict[str, str], content: bytes, told: str
) -> None:
    answer = await harness.call("POST", path, content=content, headers=headers)
    assert answer.status_code == 415
    assert told in answer.json().values()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"a": "ä"}'.encode("latin-1"), "body: must be UTF-8; byte 7 is 0xe4"),
        (b"[" * 100_000, "body: lists and objects are nested too deep"),
        (b'{"a": 1' + b"0" * 10_000 + b"}", "body: a number in it has too many digits"),
    ],
)
async def test_a_body_that_can_not_be_read_is_told_by_what_is_wrong_in_it(
    harness: ApiHarness, content: bytes, told: str
) -> None:
    headers = {"content-type": "application/json"}
    answer = await harness.call("POST", "/v1/jobs", content=content, headers=headers)
    assert answer.json()["message"] == told


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ({}, "operation", None),
        ({"operation": "", "url": "http://a/b"}, "operation", ""),
        ({"operation": "probe"}, "inputs", 0),
        ({"operation": "probe", "url": "x"}, "url", "x"),
        ({"operation": "probe", "url": "http://127.0.0.1/"}, "url", "http://127.0.0.1/"),
        ({"operation": "transcode", "inputs": ["http://a/b", "y:z"]}, "inputs.1", "y:z"),
        ({"operation": "probe", "upload_id": "nope"}, "upload_id", "upload:nope"),
        ({"operation": "probe", "input": "job:nope"}, "input", "job:nope"),
        ({"operation": "image", "url": "http://a/b", "output": "y:z"}, "output", "y:z"),
        ({"operation": "probe", "url": "http://a/b", "input": "http://c"}, "input", "http://c"),
        (
            {"tasks": [{"name": "a", "operation": "probe", "inputs": ["x"]}]},
            "tasks.0.inputs.0",
            "x",
        ),
        (
            {"url": "http://a/b", "tasks": [{"name": "a", "operation": "probe"}] * 2},
            "tasks",
            "a",
        ),
    ],
)
async def test_whatever_a_job_is_refused_for_names_its_field_alone_and_in_a_batch(
    harness: ApiHarness, body: dict[str, Any], field: str, value: object
) -> None:
    answer = (await harness.post("/v1/jobs", body)).json()
    (item,) = (await harness.post("/v1/jobs:batch", {"jobs": [body]})).json()["results"]
    for told in (answer, item["error"]):
        assert (told["details"]["field"], told["details"].get("value")) == (field, value)


async def test_a_wrong_parameter_is_told_with_what_is_allowed(harness: ApiHarness) -> None:
    answer = (await harness.get("/v1/jobs?limit=101")).json()
    assert answer["details"]["allowed"] == "1 to 100"
    answer = (await harness.get("/v1/jobs?cursor=abc")).json()
    assert answer["message"] == "cursor: 'abc' is not one that this server gave out"
    assert (answer["details"]["field"], answer["details"]["value"]) == ("cursor", "abc")


async def test_of_a_field_that_takes_text_or_an_object_the_one_that_was_sent_is_heard(
    harness: ApiHarness,
) -> None:
    body = {"input": {"url": "http://a/b", "auth": 5}, "output": "dlb://y.wav"}
    answer = await harness.post("/media/enhance", body)
    assert answer.json()["detail"] == "input.auth: must be an object, not 5"


async def test_a_path_where_nothing_is_is_named_and_so_is_a_wrong_method(
    harness: ApiHarness,
) -> None:
    assert (await harness.get("/v1/jbos")).json()["message"] == "there is nothing at '/v1/jbos'"
    answer = await harness.call("PUT", "/jobs")
    assert answer.json()["message"] == "PUT is not taken at '/jobs', which takes GET, HEAD, POST"


async def test_the_wrong_method_names_the_right_one(harness: ApiHarness) -> None:
    answer = await harness.call("PATCH", "/v1/jobs/x/cancel")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [(path, "GET, HEAD, POST") for path in ("/v1/jobs", "/jobs", "/media/enhance")],
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
