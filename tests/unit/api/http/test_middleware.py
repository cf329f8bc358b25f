"""The outermost layer: caps of bodies, and the last catch."""

import json
from typing import Any

import pytest

from tests.unit.api.api_harness import ApiHarness, MakeHarness

URL = "http://media.test/a.mp4"


GOOD = {"operation": "probe", "url": URL}


async def test_a_body_that_is_too_large_is_refused_with_and_without_its_length(
    make_harness: MakeHarness,
) -> None:
    harness = await make_harness(max_json_bytes=1000)
    body = json.dumps(GOOD | {"metadata": {"x": "y" * 2000}}).encode()
    kind = {"content-type": "application/json"}

    async def in_pieces() -> Any:
        for start in range(0, len(body), 100):
            yield body[start : start + 100]

    for content in (body, in_pieces()):
        answer = await harness.call("POST", "/v1/jobs", content=content, headers=kind)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_bug_is_a_500_without_its_traceback(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(harness.services.registry.accounts, "usage", broken)
    answer = await harness.get("/v1/usage")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
