"""ittybit's paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelyard.cluster.settings import Settings
from tests.dialect_harness import URL, DialectHarness, open_dialects


async def test_a_job_goes_through_probe_encode_and_export(dialects: DialectHarness) -> None:
    answer = await dialects.create(metadata={"of": "mine"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["id"].startswith("job_")
    assert (made["status"], made["metadata"]) == ("queued", {"of": "mine"})
    assert [task["status"] for task in made["tasks"]] == ["queued", "waiting", "waiting"]
    assert [await dialects.work() for _ in range(3)] == ["probe", "transcode", "export"]
    done = (await dialects.http.get(f"/jobs/{made['id']}")).json()
    assert done["status"] == "succeeded"
    assert [task["kind"] for task in done["tasks"]] == ["probe", "video", "export"]
    assert {task["status"] for task in done["tasks"]} == {"succeeded"}
    assert isinstance(done["finished_at"], int)
    assert (await dialects.http.get(done["output"])).content == b"made"


async def test_siblings_of_a_failed_task_are_cancelled(dialects: DialectHarness) -> None:
    made = (await dialects.create()).json()
    await dialects.work(error="corrupt_media")
    failed = (await dialects.http.get(f"/jobs/{made['id']}")).json()
    assert (failed["status"], failed["error"]) == (
        "failed",
        {"kind": "corrupt_media", "message": "why"},
    )
    assert [task["status"] for task in failed["tasks"]] == ["failed", "cancelled", "cancelled"]


async def test_a_repeated_key_gets_the_first_answer_with_200(dialects: DialectHarness) -> None:
    first = await dialects.create("abc")
    await dialects.work()
    again = await dialects.create("abc")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    other = await dialects.create("abc", kind="audio", options={})
    assert (other.status_code, other.json()["kind"]) == (422, "idempotency_mismatch")
    assert len((await dialects.http.get("/jobs")).json()) == 1


async def test_a_list_is_a_bare_array_that_is_walked_both_ways(dialects: DialectHarness) -> None:
    made = [(await dialects.create()).json()["id"] for _ in range(5)]
    first = await dialects.http.get("/jobs", params={"limit": 2})
    assert [job["id"] for job in first.json()] == [made[4], made[3]]
    assert first.headers["has-more"] == "true"
    link = f'<http://test/jobs?limit=2&after={made[3]}>; rel="next"'
    assert first.headers["link"] == link
    second = await dialects.http.get("/jobs", params={"limit": 2, "after": made[3]})
    assert [job["id"] for job in second.json()] == [made[2], made[1]]
    back = await dialects.http.get("/jobs", params={"limit": 2, "before": made[2]})
    assert [job["id"] for job in back.json()] == [made[4], made[3]]
    last = await dialects.http.get("/jobs", params={"order": "asc", "after": made[3]})
    assert [job["id"] for job in last.json()] == [made[4]]
    assert last.headers["has-more"] == "false"
    assert (await dialects.http.get("/jobs", params={"input": "https://x/"})).json() == []


async def test_the_next_page_is_where_clients_reach_the_server(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, public_url="https://media.example.com/")
    async with open_dialects(settings) as dialects:
        for _ in range(2):
            await dialects.create()
        link = (await dialects.http.get("/jobs?limit=1")).headers["link"]
        assert link.startswith("<https://media.example.com/jobs?limit=1&after=job_")


async def test_the_list_filters_by_kind_status_and_input(dialects: DialectHarness) -> None:
    await dialects.create()
    audio = (await dialects.create(kind="audio", options={}, input="https://x/a.wav")).json()["id"]
    for params in ({"kind": "audio"}, {"input": "https://x/a.wav"}):
        found = (await dialects.http.get("/jobs", params=params)).json()
        assert [job["id"] for job in found] == [audio]
    assert len((await dialects.http.get("/jobs", params={"status": "queued"})).json()) == 2
    wrong = await dialects.http.get("/jobs", params={"status": "done"})
    assert (wrong.status_code, wrong.json()["kind"]) == (400, "request_invalid")


@pytest.mark.parametrize(
    ("changes", "status", "kind"),
    [
        ({"kind": "adaptive_video", "options": {}}, 400, "format_unsupported"),
        ({"kind": "animation", "options": {"format": "webp"}}, 400, "format_unsupported"),
        ({"kind": "song"}, 400, "request_invalid"),
        ({"input": ""}, 400, "request_invalid"),
        ({"input": "ftp://a/b"}, 400, "invalid_input"),
        ({"options": {"fps": 99}}, 400, "request_invalid"),
        ({"options": {"format": "webm", "codec": "h264"}}, 400, "request_invalid"),
        ({"webhook_url": "https://x/"}, 400, "request_invalid"),
        ({"metadata": {"x": "y" * 20_000}}, 400, "request_invalid"),
        ({"input": "https://x/" + "y" * 9_000}, 400, "request_invalid"),
        ({"output": "s3://bucket/a.mp4"}, 403, "source_forbidden"),
    ],
)
async def test_what_can_not_work_is_refused_at_once(
    dialects: DialectHarness, changes: dict[str, Any], status: int, kind: str
) -> None:
    answer = await dialects.create(**changes)
    assert (answer.status_code, answer.json()["kind"]) == (status, kind), answer.text


async def test_a_missing_job_and_a_missing_key_are_told_in_their_words(
    dialects: DialectHarness,
) -> None:
    missing = await dialects.http.get("/jobs/job_abc123")
    assert (missing.status_code, missing.json()["kind"]) == (404, "job_not_found")
    nobody = await dialects.http.get("/jobs", headers={"Authorization": ""})
    wrong = await dialects.http.get("/jobs", headers={"Authorization": "Bearer ittybit_live_x"})
    assert (nobody.status_code, nobody.json()["kind"]) == (401, "token_missing")
    assert (wrong.status_code, wrong.json()["kind"]) == (401, "token_invalid")


async def test_a_task_stands_alone_too(dialects: DialectHarness) -> None:
    answer = await dialects.http.post("/tasks", json={"kind": "probe", "input": {"url": URL}})
    assert answer.status_code == 201, answer.text
    task = answer.json()
    assert (task["kind"], task["status"], task["input"]["url"]) == ("probe", "queued", URL)
    await dialects.work()
    polled = (await dialects.http.get(f"/tasks/{task['id']}")).json()
    assert polled["status"] == "succeeded"
    missing = await dialects.http.get("/tasks/task_abc")
    assert (missing.status_code, missing.json()["kind"]) == (404, "task_not_found")


async def test_tasks_are_paged_across_jobs(dialects: DialectHarness) -> None:
    for _ in range(2):
        await dialects.create()
    everything = [task["id"] for task in (await dialects.http.get("/tasks")).json()]
    assert len(everything) == 6
    walked: list[str] = []
    while True:
        params = {"limit": "4"} | ({"after": walked[-1]} if walked else {})
        page = await dialects.http.get("/tasks", params=params)
        walked += [task["id"] for task in page.json()]
        if page.headers["has-more"] == "false":
            break
    assert walked == everything
    second = await dialects.http.get("/tasks", params={"limit": "4", "page": "2"})
    assert [task["id"] for task in second.json()] == everything[4:]
    assert (await dialects.http.get("/tasks", params={"page": "0"})).status_code == 400
