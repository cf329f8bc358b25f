"""`/livez`, `/healthz` and `/metrics`."""

import pytest
from msgspec.structs import replace

from reelyard.api.registry_client import client
from tests.unit.api.api_harness import WORKER, ApiHarness, MakeHarness


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

    async def away() -> str:
        raise Unavailable

    monkeypatch.setattr(harness.registry, "health", away)
    answer = await harness.get("/healthz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert not answer.json()["details"]["parts"]["registry"]["ok"]
    assert (await harness.get("/livez")).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
async def test_monitors_may_ask_for_the_head_alone(harness: ApiHarness, path: str) -> None:
    answer = await harness.call("HEAD", path)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_health_tells_each_part_and_is_degraded_while_no_worker_is_there(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "HEALTH_AGE_S", 0)
    answer = await harness.get("/healthz")
    told = answer.json()
    assert (answer.status_code, told["status"]) == (200, "degraded")
    assert told["parts"]["workers"] == {"ok": False, "reason": "no worker is there"}
    assert set(told["parts"]) == {"store", "storage", "scratch", "workers", "queue"}
    await harness.registry.lease(WORKER, 1, [], 0)
    assert (await harness.get("/healthz")).json()["status"] == "ok"
    await harness.registry.lease(replace(WORKER, scratch_full=True), 0, [], 0)
    scratch = (await harness.get("/healthz")).json()["parts"]["scratch"]
    assert (scratch["ok"], scratch["reason"][:6]) == (False, "1 of 1")


async def test_monitors_cost_the_registry_one_look_a_second(harness: ApiHarness) -> None:
    for _ in range(20):
        await harness.get("/healthz")
    assert harness.counted.calls["health"] == 1


async def test_a_full_disk_refuses_jobs_with_507_and_shows_in_health_and_metrics(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full() -> int:
        return 1 << 20

    watch = harness.registry._watch
    monkeypatch.setattr(watch, "_looks", (full, full))
    await watch.look()
    body = {"operation": "probe", "url": "http://media.test/a.mp4"}
    refused = await harness.call("POST", "/v1/jobs", json=body)
    assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
    assert int(refused.headers["retry-after"]) > 0
    health = await harness.get("/healthz")
    assert health.status_code == 503
    assert health.headers["retry-after"]
    assert health.json()["details"]["parts"]["storage"]["reason"].startswith("the disk is full")
    assert 'reelyard_part_ok{part="storage"} 0.0' in (await harness.get("/metrics")).text


async def test_a_full_queue_refuses_jobs_with_429_and_says_when_to_come_again(
    make_harness: MakeHarness,
) -> None:
    harness = await make_harness(max_queued_jobs=1)
    await harness.submit()
    body = {"operation": "probe", "url": "http://media.test/a.mp4"}
    refused = await harness.call("POST", "/v1/jobs", json=body)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    assert not (await harness.get("/healthz")).json()["details"]["parts"]["queue"]["ok"]


async def test_a_queued_job_tells_what_it_waits_for_beyond_its_turn(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "HEALTH_AGE_S", 0)
    path = f"/v1/jobs/{await harness.submit()}"
    assert (await harness.get(path)).json()["waiting_for"] == "workers: no worker is there"
    await harness.registry.lease(WORKER, 0, [], 0)
    assert (await harness.get(path)).json()["waiting_for"] is None
    await harness.registry.pause("light")
    assert "paused" in (await harness.get(path)).json()["waiting_for"]
