from __future__ import annotations

import pytest

from reelyard.actors.jobs.messages import Commit
from reelyard.actors.jobs.model import ErrorInfo, Outcome
from tests.unit.api.api_harness import ApiHarness, MakeHarness

TRACEBACK = "File mine.py, line 7, in work"
ERROR = ErrorInfo("internal", "it failed", details={"traceback": TRACEBACK, "frames": 3})


async def fail(harness: ApiHarness) -> None:
    lease = await harness.lease()
    commit = Commit(lease.job_id, lease.task, lease.fence, Outcome.FAILED, error=ERROR)
    await harness.registry.commit([commit])


async def everything_about(harness: ApiHarness, job_id: str) -> list[str]:
    """What each route that shows a job says of it."""
    answers = [
        await harness.get(f"/v1/jobs/{job_id}"),
        await harness.get("/v1/jobs"),
        await harness.post("/v1/jobs:batchGet", {"job_ids": [job_id]}),
        await harness.get(f"/v1/jobs/{job_id}/events"),
    ]
    return [answer.text for answer in answers]


@pytest.mark.parametrize(("ray_address", "owner_sees"), [(None, True), ("ray-head:6379", False)])
async def test_a_traceback_is_shown_to_admins_and_to_owners_on_an_embedded_cluster(
    make_harness: MakeHarness, ray_address: str | None, owner_sees: bool
) -> None:
    harness = await make_harness(ray_address=ray_address)
    admin, owner, other = (
        await harness.key("boss", admin=True),
        await harness.key("owner"),
        await harness.key("other"),
    )
    harness.use(owner)
    job_id = await harness.submit()
    await fail(harness)
    for text in await everything_about(harness, job_id):
        assert "it failed" in text
        assert (TRACEBACK in text) is owner_sees
    harness.use(admin)
    job = (await harness.get(f"/v1/jobs/{job_id}")).json()
    assert job["error"]["details"] == ERROR.details
    assert job["tasks"][0]["attempts"][0]["error"]["details"] == ERROR.details
    harness.use(owner)
    again = await everything_about(harness, job_id)
    assert (TRACEBACK in again[0]) is owner_sees
    harness.use(other)
    for text in await everything_about(harness, job_id):
        assert "it failed" not in text
        assert TRACEBACK not in text


async def test_the_dialects_tell_no_traceback(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    await fail(harness)
    for path in (f"/media/transcode?job_id={job_id}", "/media/jobs", "/jobs", "/tasks"):
        assert TRACEBACK not in (await harness.get(path)).text
