"""HEAD gets what GET gets, without the body."""

from __future__ import annotations

import pytest

from tests.unit.api.api_harness import ApiHarness


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs",
        "/v1/jobs/nope",
        "/v1/operations",
        "/v1/usage?x=1",
        "/jobs?limit=0",
        "/tasks",
        "/media/jobs",
        "/api/media/presets",
        "/docs",
        "/openapi.json",
        "/healthz",
        "/nope",
    ],
)
async def test_head_is_answered_as_get_without_a_body(harness: ApiHarness, path: str) -> None:
    got, told = await harness.get(path), await harness.call("HEAD", path)
    assert (told.status_code, told.content) == (got.status_code, b"")
    assert dict(told.headers) == dict(got.headers)


async def test_head_of_an_event_stream_ends_at_once(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    told = await harness.call("HEAD", f"/v1/jobs/{job_id}/events")
    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["content-type"].startswith("text/event-stream")


async def test_a_head_of_its_own_stays(harness: ApiHarness) -> None:
    told = await harness.call("HEAD", "/")
    assert (told.status_code, told.headers["location"]) == (307, "/docs")
    told = await harness.call("HEAD", "/api/uploads/nope")
    assert told.status_code == 412
