"""Requests a minute, for each key and for each stranger's address."""

from __future__ import annotations

import httpx2
import pytest

from reelyard.actors.testing.in_process_link import InProcessLink
from reelyard.api.registry_client import client
from reelyard.api.registry_client.client import RegistryClient
from reelyard.cluster.errors import Unavailable
from tests.unit.api.api_harness import MakeHarness

JOB = {"operation": "probe", "url": "http://media.test/a.mp4"}


async def test_rate_headers_count_down_to_a_429(make_harness: MakeHarness) -> None:
    harness = await make_harness(rate_limit_per_minute=3)
    left = []
    for _ in range(3):
        answer = await harness.get("/v1/jobs")
        assert answer.headers["x-ratelimit-limit"] == "3"
        assert int(answer.headers["x-ratelimit-reset"]) > 1_700_000_000
        left.append(int(answer.headers["x-ratelimit-remaining"]))
    assert left == [2, 1, 0]
    refused = await harness.post("/v1/jobs", JOB)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) == refused.json()["retry_after"] > 0
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert (await harness.get("/healthz")).status_code == 200


async def test_each_key_has_a_rate_of_its_own(make_harness: MakeHarness) -> None:
    harness = await make_harness(rate_limit_per_minute=1)
    for tenant in ("a", "b"):
        harness.use(await harness.key(tenant))
        assert (await harness.get("/v1/jobs")).status_code == 200
        assert (await harness.get("/v1/jobs")).status_code == 429


def rate(answer: httpx2.Response) -> tuple[int, int]:
    """The limit and what is left; KeyError without the headers."""
    assert int(answer.headers["x-ratelimit-reset"]) > 1_700_000_000
    return (
        int(answer.headers["x-ratelimit-limit"]),
        int(answer.headers["x-ratelimit-remaining"]),
    )


async def test_strangers_are_counted_by_their_address_and_apart_from_the_keys(
    make_harness: MakeHarness,
) -> None:
    harness = await make_harness(rate_limit_per_minute=2)
    key = await harness.key("t")
    harness.use("guess")
    answers = [await harness.get("/v1/jobs") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert [rate(answer) for answer in answers] == [(2, 1), (2, 0), (2, 0)]
    assert int(answers[2].headers["retry-after"]) > 0
    harness.use(key)
    assert rate(await harness.get("/v1/jobs")) == (2, 1)


async def test_every_answer_below_v1_tells_the_rate_and_asks_for_no_key_to_do_so(
    make_harness: MakeHarness,
) -> None:
    harness = await make_harness(rate_limit_per_minute=2, max_json_bytes=1000)
    big = {"content": b"x" * 2000, "headers": {"Content-Type": "application/json"}}
    for answer in (
        await harness.get("/v1/nothing/here"),
        await harness.call("DELETE", "/v1/jobs"),
        await harness.call("POST", "/v1/auth/token"),
        await harness.call("POST", "/v1/jobs", **big),
    ):
        assert answer.status_code in {400, 401, 404, 405, 413}
        assert rate(answer) == (2, 2)
    assert "x-ratelimit-limit" not in (await harness.get("/healthz")).headers


async def test_replicas_share_the_count(make_harness: MakeHarness) -> None:
    harness = await make_harness(rate_limit_per_minute=2)
    other = RegistryClient(InProcessLink(harness.registry), harness.services.settings)
    rates = [
        await harness.services.registry.accounts.count_request("key"),
        await other.accounts.count_request("key"),
        await other.accounts.request_rate("key"),
        await harness.services.registry.accounts.count_request("key"),
    ]
    assert [rate.allowed for rate in rates] == [True, True, True, False]
    assert [rate.remaining for rate in rates] == [1, 0, 0, 0]
    await other.close()


async def test_a_count_that_cannot_be_reached_makes_the_service_unavailable(
    make_harness: MakeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.0)
    harness = await make_harness(rate_limit_per_minute=2)

    async def away(asks: object) -> None:
        raise Unavailable

    monkeypatch.setattr(harness.registry, "count_requests", away)
    answer = await harness.get("/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    assert (await harness.get("/v1/nothing")).status_code == 404
