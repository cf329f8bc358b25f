"""`/livez`, `/healthz` and `/metrics`."""

import pytest

from tests.unit.api.api_harness import ApiHarness


async def test_metrics_tell_queues_and_requests_by_route_never_by_job(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    await harness.get(f"/v1/jobs/{job_id}")
    text = (await harness.get("/metrics")).text
    assert 'reelyard_jobs{state="queued"} 1.0' in text
    assert 'reelyard_pool_queued{pool="light"} 1.0' in text
    assert 'method="GET",route="/v1/jobs/{job_id}",status="200"} 1.0' in text
    assert job_id not in text


async def test_health_is_bad_while_the_registry_is_away(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reelyard.cluster.errors import Unavailable

    assert (await harness.get("/healthz")).json()["status"] == "ok"

    async def away() -> str:
        raise Unavailable

    monkeypatch.setattr(harness.registry, "ping", away)
    answer = await harness.get("/healthz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert (await harness.get("/livez")).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
async def test_monitors_may_ask_for_the_head_alone(harness: ApiHarness, path: str) -> None:
    answer = await harness.call("HEAD", path)
    assert (answer.status_code, answer.content) == (200, b"")
