"""Whatever is sent, the answer is a 4xx that says what is wrong."""

import json
from typing import Any

import pytest

from tests.unit.api.conftest import Build, Desk

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
    ("body", "field"),
    [
        ({}, ""),
        ([], ""),
        (None, ""),
        ("text", ""),
        ({"operation": "probe"}, None),
        ({"operation": 5, "url": URL}, "operation"),
        ({"operation": "nope", "url": URL}, "operation"),
        (GOOD | {"input": URL}, ""),
        (GOOD | {"webhook_url": "http://x"}, "webhook_url"),
        (GOOD | {"params": {"nope": 1}}, "nope"),
        (GOOD | {"params": []}, "params"),
        (GOOD | {"priority": 101}, "priority"),
        (GOOD | {"priority": "high"}, "priority"),
        (GOOD | {"pool": "nope"}, "pool"),
        (GOOD | {"metadata": {"x": "y" * 20_000}}, "metadata"),
        (GOOD | {"url": "ftp://x/y"}, None),
        (GOOD | {"url": "javascript:alert(1)"}, None),
        (GOOD | {"url": "http://"}, None),
        (GOOD | {"url": ""}, None),
        (GOOD | {"url": "x" * 10_000}, "url"),
        (GOOD | {"output": "ftp://x"}, None),
        ({"operation": "probe", "upload_id": "../../etc"}, None),
        ({"operation": "probe", "inputs": []}, None),
        ({"operation": "probe", "inputs": [URL] * 2}, None),
        ({"operation": "probe", "inputs": [5]}, "0"),
        ({"operation": "transcode", "url": URL, "params": {"width": -5}}, "width"),
        ({"url": URL, "tasks": []}, "tasks"),
        ({"url": URL, "tasks": [{"name": "a"}]}, "operation"),
        ({"url": URL, "tasks": [{"name": "a/b", "operation": "probe"}]}, "name"),
        (
            {"url": URL, "tasks": [{"name": "a", "operation": "probe", "inputs": ["task:b"]}]},
            None,
        ),
        ({"url": URL, "tasks": [{"name": "a", "operation": "probe"}] * 2}, None),
    ],
)
async def test_a_job_that_can_not_work_is_refused_with_its_fault(
    desk: Desk, body: Any, field: str | None
) -> None:
    answer = await desk.post("/v1/jobs", body)
    assert answer.status_code in (400, 404, 422), answer.text
    error = answer.json()
    assert error["code"]
    if field is not None:
        assert answer.status_code == 422, answer.text
        assert any(field in ("", str(fault["loc"][-1])) for fault in error["detail"]), error
    assert (await desk.get("/v1/jobs")).json()["items"] == []


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
async def test_a_get_that_makes_no_sense_is_a_4xx(desk: Desk, path: str, status: int) -> None:
    answer = await desk.get(path)
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
    desk: Desk, path: str, content: bytes | str, kind: str, status: int
) -> None:
    answer = await desk.call("POST", path, content=content, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["code"]


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
    desk: Desk, place: str, body: str, key: dict[str, str]
) -> None:
    for value, fault in UNKEEPABLE.items():
        kind = {"content-type": "application/json"}
        answer = await desk.call("POST", place, content=body % value, headers=kind | key)
        assert answer.status_code in (400, 422), (value, answer.text)
        assert fault in answer.text
    assert (await desk.get("/v1/jobs")).json()["items"] == []


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "once"}])
async def test_what_can_not_be_kept_spoils_its_own_item_of_a_batch_alone(
    desk: Desk, key: dict[str, str]
) -> None:
    item = PLACES["/v1/jobs"]
    items = [item % value for value in ("1", *UNKEEPABLE, "2")]
    answer = await desk.call(
        "POST",
        "/v1/jobs:batch",
        content=f'{{"jobs": [{",".join(items)}]}}',
        headers={"content-type": "application/json"} | key,
    )
    results = answer.json()["results"]
    assert ["job_id" in result for result in results] == [True, *[False] * len(UNKEEPABLE), True]
    for result, fault in zip(results[1:-1], UNKEEPABLE.values(), strict=True):
        assert fault in result["error"]["message"]


async def test_numbers_at_the_edge_of_what_is_kept_come_back(desk: Desk) -> None:
    numbers = {
        "most": 2**64 - 1,
        "least": -(2**63),
        "real": 1e308,
        "pair": "\U0001f600",
        "nul": "\0",
    }
    job_id = await desk.submit(metadata=numbers)
    assert (await desk.get(f"/v1/jobs/{job_id}")).json()["metadata"] == numbers


async def test_credits_beyond_counting_are_refused(desk: Desk) -> None:
    answer = await desk.post("/v1/admin/tenants/t/credits", {"credits": 2**63})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "credits"])
    assert (await desk.post("/v1/admin/keys", {"credits": 2**63})).status_code == 422


async def test_a_body_that_is_too_large_is_refused_with_and_without_its_length(
    make_desk: Build,
) -> None:
    desk = await make_desk(max_json_bytes=1000)
    body = json.dumps(GOOD | {"metadata": {"x": "y" * 2000}}).encode()
    kind = {"content-type": "application/json"}

    async def in_pieces() -> Any:
        for start in range(0, len(body), 100):
            yield body[start : start + 100]

    for content in (body, in_pieces()):
        answer = await desk.call("POST", "/v1/jobs", content=content, headers=kind)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_the_wrong_method_names_the_right_one(desk: Desk) -> None:
    answer = await desk.call("PATCH", "/v1/jobs/x/cancel")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/v1/jobs", "GET, POST"), ("/jobs", "GET, POST"), ("/media/enhance", "GET, POST")],
)
async def test_the_wrong_method_names_all_that_the_path_takes(
    desk: Desk, path: str, allowed: str
) -> None:
    answer = await desk.call("PUT", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_a_bug_is_a_500_without_its_traceback(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(desk.services.registry, "usage", broken)
    answer = await desk.get("/v1/usage")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("path", "field"),
    [("/media/nope", "title"), ("/api/media/nope", "error"), ("/jobs/nope", "message")],
)
async def test_each_dialect_words_its_own_errors(desk: Desk, path: str, field: str) -> None:
    answer = await desk.get(path)
    assert answer.status_code == 404
    assert field in answer.json()


async def test_a_webhook_is_refused_with_what_to_do_instead(desk: Desk) -> None:
    body = {"url": URL, "preview_type": "gif"}
    answer = await desk.post("/v1/preview", body | {"webhook_url": "https://example.com/hook"})
    (fault,) = answer.json()["detail"]
    assert (answer.status_code, fault["loc"]) == (422, ["body", "webhook_url"])
    assert "poll GET /v1/jobs/{job_id}" in fault["msg"]
    assert (await desk.post("/v1/preview", body | {"webhook_url": None})).status_code == 202
