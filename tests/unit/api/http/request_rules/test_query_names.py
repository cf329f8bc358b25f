"""A query parameter that a route does not know is never passed over in silence."""

from __future__ import annotations

import pytest

from tests.unit.api.api_harness import ApiHarness


@pytest.mark.parametrize(
    ("path", "name", "known"),
    [
        ("/v1/jobs?limt=5", "limt (did you mean limit?)", "cursor"),
        ("/v1/jobs/01a20252-848a-77fe-a44d-2624d7e59562?wiat=1", "did you mean wait?", "wait"),
        ("/media/jobs?staus=Failed", "did you mean status?", "next_token"),
        ("/jobs?zzz", "zzz", "order"),
        ("/api/media/presets?x=1", "x", "none"),
        ("/v1/info?url=x:y&ulr=1", "did you mean url?", "url"),
    ],
)
async def test_an_answer_of_a_served_api_names_it_and_the_known_ones(
    harness: ApiHarness, path: str, name: str, known: str
) -> None:
    warning = (await harness.get(path)).headers["warning"]
    assert warning.startswith('299 reelyard "unknown query parameter: ')
    assert name in warning
    assert known in warning.partition("Known: ")[2]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/jobs?dryrun=1"),
        ("POST", "/v1/jobs:batch?x=1"),
        ("DELETE", "/v1/jobs/01a20252-848a-77fe-a44d-2624d7e59562?force=1"),
        ("GET", "/v1/operations?nmae=probe"),
        ("GET", "/v1/admin/overview?pool=cpu"),
        ("GET", "/v1/usage?x="),
        ("POST", "/v1/uploads?size=1"),
        ("POST", "/api/uploads?filname=a.mp4"),
    ],
)
async def test_a_call_that_only_reelyard_has_refuses_it(
    harness: ApiHarness, method: str, path: str
) -> None:
    await harness.key("t", admin=True)
    assert (await harness.call(method, path)).status_code == 401
    harness.use(await harness.key("u", admin=True))
    answer = await harness.call(method, path)
    assert answer.status_code == 422, answer.text
    body = answer.json()
    name = path.partition("?")[2].partition("=")[0]
    assert body["code"] == "validation_error"
    assert body["details"]["field"] == name
    assert body["details"].get("suggestion") == {"filname": "filename"}.get(name)
    assert "known: " in body["message"]
    assert body["detail"][0]["loc"] == ["query", name]


async def test_what_a_name_holds_can_not_break_the_header(harness: ApiHarness) -> None:
    answer = await harness.get("/v1/jobs?%0d%0aX-Evil:%20%22%5c%c3%a9=1&" + "n" * 5000 + "=1")
    assert answer.status_code == 200
    assert "x-evil" not in answer.headers
    assert len(answer.headers["warning"]) < 400


async def test_what_is_known_is_taken_without_a_word(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    for path in (f"/v1/jobs/{job_id}?wait=0", "/v1/jobs?limit=5&input=x", "/docs", "/livez"):
        assert "warning" not in (await harness.get(path)).headers
