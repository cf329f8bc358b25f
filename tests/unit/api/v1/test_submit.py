"""`POST /v1/jobs`: what it takes, what it refuses, and the job that comes of it."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.api.api_harness import ApiHarness, MakeHarness

URL = "http://media.test/a.mp4"


GOOD = {"operation": "probe", "url": URL}


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
    harness: ApiHarness, body: Any, field: str | None
) -> None:
    answer = await harness.post("/v1/jobs", body)
    assert answer.status_code in (400, 404, 422), answer.text
    error = answer.json()
    assert error["code"]
    if field is not None:
        assert answer.status_code == 422, answer.text
        assert any(field in ("", str(fault["loc"][-1])) for fault in error["detail"]), error
    assert (await harness.get("/v1/jobs")).json()["items"] == []


async def test_a_graph_runs_as_one_job_with_its_tasks(harness: ApiHarness) -> None:
    job_id = await harness.submit(
        operation=None,
        tasks=[
            {"name": "small", "operation": "image", "params": {"width": 8}},
            {"name": "facts", "operation": "probe", "inputs": ["task:small"]},
        ],
    )
    job = (await harness.get(f"/v1/jobs/{job_id}")).json()
    assert [task["name"] for task in job["tasks"]] == ["small", "facts"]
    assert job["tasks"][1]["needs"] == ["small"]
    assert job["operation"] == "probe"


async def test_the_output_of_a_job_can_be_the_input_of_another(harness: ApiHarness) -> None:
    first = await harness.submit()
    early = await harness.post("/v1/jobs", {"operation": "probe", "input": f"job:{first}"})
    assert (early.status_code, early.json()["code"]) == (409, "not_ready")
    await harness.run(first)
    await harness.submit(url=None, input=f"job:{first}/clip.jpg")
    assert (await harness.lease()).inputs[0].endswith("/clip.jpg")


JOB = {"operation": "probe", "url": "http://media.test/a.mp4"}


async def test_a_job_beyond_the_credits_is_a_402_that_tells_both_sums(harness: ApiHarness) -> None:
    harness.use(await harness.key("t", credits=1))
    await harness.submit()
    answer = await harness.post("/v1/jobs", JOB)
    assert answer.status_code == 402
    body = answer.json()
    assert (body["code"], body["required"], body["available"]) == ("insufficient_credits", 1, 0)
    usage = (await harness.get("/v1/usage")).json()
    assert (usage["credits_left"], usage["credits_spent"]) == (0, 1)


async def test_an_open_folder_can_be_named_by_a_tenant(
    make_harness: MakeHarness, tmp_path: Path
) -> None:
    (tmp_path / "open").mkdir()
    harness = await make_harness(input_roots=[str(tmp_path / "open")])
    harness.use(await harness.key("t"))
    await harness.submit(url=None, input=str(tmp_path / "open" / "a.mp4"))
    assert (await harness.lease()).inputs == [(tmp_path / "open" / "a.mp4").as_uri()]
