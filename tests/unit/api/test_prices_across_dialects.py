"""The price of a job on each surface, seen from outside: the credits that its tenant has spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from reelyard.actors.jobs.messages import Usage
from reelyard.actors.media import catalogue
from reelyard.api.client.request import JobRequest, spec_of
from tests.dialect_harness import MP4, URL, DialectHarness

PRICES = {
    "probe": 2,
    "transcode": 3,
    "image": 5,
    "preview": 7,
    "optimize": 11,
    "enhance": 13,
    "export": 17,
}
GRAPH = [
    {"name": "look", "operation": "probe", "inputs": ["input"]},
    {"name": "small", "operation": "transcode", "inputs": ["input"]},
    {"name": "still", "operation": "image", "inputs": ["task:small"]},
]
OUTPUTS = [
    {"id": "film", "destination": "dlb://out/a.mp4", "kind": "mp4"},
    {"id": "still", "destination": "dlb://out/a.png", "kind": "png"},
    {"id": "song", "destination": "dlb://out/a.mp3", "kind": "mp3"},
]
V1, DOLBY, ITTYBIT, TASKS = "/v1/jobs", "/media/transcode", "/jobs", "/tasks"


@pytest.fixture(autouse=True)
def _prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operation has a price of its own."""
    known = catalogue.load_operations()
    for name, price in PRICES.items():
        monkeypatch.setitem(known, name, replace(known[name], credits=price))


async def spent(dialects: DialectHarness) -> int:
    usage: Usage = await dialects.registry.usage("acme")
    return usage.credits_spent


@pytest.mark.parametrize(
    ("path", "body", "price"),
    [
        *(
            (V1, {"operation": name, "url": URL}, price)
            for name, price in PRICES.items()
            if name != "preview"
        ),
        (V1, {"url": URL, "tasks": GRAPH}, 2 + 3 + 5),
        (V1, {"url": URL, "tasks": GRAPH, "operation": "probe"}, 2 + 3 + 5),
        ("/v1/preview", {"url": URL, "preview_type": "thumbnail"}, 7),
        ("/media/enhance", {"input": URL, "output": "dlb://out/a.mp4"}, 13),
        (DOLBY, {"inputs": [{"source": URL}], "outputs": OUTPUTS}, 3 + 5 + 3),
        (DOLBY, {"inputs": [{"source": URL}], "outputs": OUTPUTS[1:2]}, 5),
        (ITTYBIT, {"kind": "video", "input": URL}, 3),
        (ITTYBIT, {"kind": "audio", "input": URL}, 3),
        (ITTYBIT, {"kind": "image", "input": URL}, 5),
        (ITTYBIT, {"kind": "animation", "input": URL}, 7),
        (TASKS, {"kind": "probe", "input": URL}, 2),
        (TASKS, {"kind": "video", "input": URL}, 3),
        (TASKS, {"kind": "image", "input": URL}, 5),
    ],
)
async def test_a_job_costs_what_its_surface_says(
    dialects: DialectHarness, path: str, body: Mapping[str, Any], price: int
) -> None:
    answer = await dialects.http.post(path, json=body)
    assert answer.status_code in (200, 201, 202), answer.text
    assert await spent(dialects) == price


async def test_each_job_of_a_batch_costs_what_it_would_alone(dialects: DialectHarness) -> None:
    jobs = [{"operation": "probe", "url": URL}, {"url": URL, "tasks": GRAPH}, {"url": URL}]
    answer = await dialects.http.post("/v1/jobs:batch", json={"jobs": jobs})
    assert answer.json()["accepted"] == 2, answer.text
    assert await spent(dialects) == 2 + 10


async def test_a_form_of_pipelyns_costs_one_optimize(dialects: DialectHarness) -> None:
    answer = await dialects.http.post("/api/media/jobs", files={"media": MP4})
    assert answer.status_code == 202, answer.text
    assert await spent(dialects) == 11


async def test_a_job_over_ray_is_free(dialects: DialectHarness) -> None:
    request = JobRequest("transcode", (URL,))
    accepted = await dialects.services.registry.submit_one(spec_of(request))
    assert accepted.job.credits == 0


async def test_an_unknown_operation_is_refused_before_its_parameters(
    dialects: DialectHarness,
) -> None:
    body = {"url": URL, "operation": "sketch", "params": {"no": 1}}
    alone = (await dialects.http.post(V1, json=body)).json()
    assert [fault["loc"] for fault in alone["detail"]] == [["body", "operation"]]
    batch = (await dialects.http.post("/v1/jobs:batch", json={"jobs": [body]})).json()
    (refused,) = batch["results"]
    assert refused["error"]["code"] == "unknown_operation"
    details = refused["error"]["details"]
    assert (details["field"], details["value"]) == ("operation", "sketch")
    assert "probe" in details["allowed"]
