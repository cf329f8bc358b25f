"""The promise that a program need not know how its client reaches the cluster: every method
answers the same over Ray and over HTTP, from `Client` and from `AsyncClient`."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from rich.console import Console

from reelyard import AsyncClient, Client, JobView, State, request
from reelyard.cluster.errors import (
    AlreadyFinished,
    Cancelled,
    CorruptMedia,
    IdempotencyMismatch,
    NotFound,
    NotReady,
    ReelyardError,
    TimedOut,
    UnknownOperation,
    ValidationFailed,
)
from tests.integration.api.client.four_clients import OF_ONE_JOB, FourClients, answer, paused, same

NOWHERE = "01900000-0000-7000-8000-000000000000"
SLOW = {"codec": "h265", "preset": "veryslow"}
THUMBNAIL = {"preview_type": "thumbnail", "width": 64}
_compared: set[str] = set()


def compares[F: Callable[..., object]](*methods: str) -> Callable[[F], F]:
    """Mark a test that compares these methods of the client."""
    _compared.update(methods)
    return lambda test: test


def public(cls: type) -> set[str]:
    return {name for name in vars(cls) if not name.startswith("_")}


def test_every_method_of_the_client_is_compared() -> None:
    assert public(Client) == public(AsyncClient) == _compared


async def one(client: Client | AsyncClient, method: str, *args: Any, **kwargs: Any) -> JobView:
    found = await answer(client, method, *args, **kwargs)
    assert isinstance(found, JobView), found
    return found


# --- one job, in every state ---


@compares("submit")
async def test_a_job_is_shown_as_it_was_accepted(clients: FourClients, clip: str) -> None:
    told = await clients.answers(
        "submit", "preview", clip, params=THUMBNAIL, priority=7, metadata={"shelf": "b4"}
    )
    same(told, OF_ONE_JOB)
    assert told["ray"].state is State.QUEUED
    assert told["ray"].parameters == THUMBNAIL
    assert told["ray"].source_url == clip
    assert (told["ray"].priority, told["ray"].metadata) == (7, {"shelf": "b4"})


async def test_a_job_submitted_again_is_shown_as_it_was_accepted(
    clients: FourClients, clip: str
) -> None:
    for name, client in clients.all().items():
        first = await one(client, "submit", "probe", clip, idempotency_key=f"again-{name}")
        await one(client, "wait", first)
        again = await one(client, "submit", "probe", clip, idempotency_key=f"again-{name}")
        assert again == first


@compares("wait", "get")
async def test_a_job_that_succeeded_is_the_same_job(clients: FourClients, clip: str) -> None:
    job = await one(clients.ray, "submit", "preview", clip, params=THUMBNAIL)
    ended: JobView = await clients.agree("wait", job.job_id, timeout_s=60)
    found: JobView = await clients.agree("get", job)
    assert found == ended
    assert found.ok
    assert found.result_data
    assert found.outputs[0].expires_at == found.expires_at
    assert found.expires_at is not None
    assert [task["attempts"][0]["outcome"] for task in found.tasks] == ["succeeded"]


async def test_signed_urls_have_an_end_of_their_own(clients: FourClients, clip: str) -> None:
    job = await one(clients.ray, "submit", "preview", clip, params=THUMBNAIL)
    over_ray = await one(clients.ray, "wait", job)
    over_http = await one(clients.http, "wait", job)
    assert over_ray.path is not None
    assert over_ray.urls_expire_at is None
    assert over_http.urls_expire_at is not None
    assert over_ray.expires_at == over_http.expires_at
    assert over_http.urls_expire_at < str(over_http.expires_at)


async def test_a_job_that_failed_failed_of_the_same(clients: FourClients, clips: Path) -> None:
    job = await one(clients.http, "submit", "probe", str(clips / "broken.mp4"))
    ended = await clients.agree("wait", job, timeout_s=60)
    assert ended.state is State.FAILED
    assert isinstance(ended.exception(), CorruptMedia)
    assert await clients.agree("get", job.job_id) == ended


async def test_a_running_job_and_one_that_was_cancelled(clients: FourClients, clips: Path) -> None:
    job = await one(clients.ray, "submit", "transcode", str(clips / "long.mp4"), params=SLOW)
    while (await one(clients.ray, "get", job)).phase is None:
        await asyncio.sleep(0.1)
    running = await clients.agree("get", job)
    assert running.state is State.RUNNING
    assert running.tasks[0]["phase"]
    assert running.expires_at is None
    await clients.agree("wait", job, timeout_s=0.1)
    assert (await one(clients.http, "cancel", job)).state is State.CANCELLED
    ended = await clients.agree("get", job)
    assert isinstance(ended.exception(), Cancelled)


async def test_a_queued_job(clients: FourClients, operate: httpx2.Client, clip: str) -> None:
    with paused(operate, "cpu"):
        job = await one(clients.http, "submit", "transcode", clip, params={"height": 90})
        queued = await clients.agree("get", job)
        assert queued.state is State.QUEUED
        assert [task["state"] for task in queued.tasks] == ["queued"]
        assert queued.parameters == {"height": 90}
        refusal = await clients.agree("retry", job)
        assert isinstance(refusal, ReelyardError)
        unready = await clients.agree("download", job)
        assert isinstance(unready, NotReady)
    await one(clients.ray, "cancel", job)


async def test_a_job_of_several_tasks(
    clients: FourClients, operate: httpx2.Client, clip: str
) -> None:
    steps = [
        {"name": "small", "operation": "transcode", "params": {"height": 90}},
        {"name": "still", "operation": "preview", "params": THUMBNAIL, "inputs": ["task:small"]},
    ]
    made = operate.post("/v1/jobs", json={"input": clip, "tasks": steps})
    job_id = made.raise_for_status().json()["job_id"]
    await clients.agree("get", job_id)
    ended = await clients.agree("wait", job_id, timeout_s=60)
    assert ended.ok
    assert [(task["name"], task["needs"]) for task in ended.tasks] == [
        ("small", []),
        ("still", ["small"]),
    ]


# --- many jobs ---


@compares("submit_many", "wait_all", "as_completed", "results", "progress")
async def test_many_jobs_are_followed_to_their_ends(clients: FourClients, clip: str) -> None:
    told = await clients.answers("submit_many", "preview", [clip] * 3, params=THUMBNAIL)
    same(told, OF_ONE_JOB)
    jobs = told["http"]
    ended = await clients.agree("wait_all", jobs, timeout_s=60)
    assert [job.job_id for job in ended] == [job.job_id for job in jobs]
    completed = await clients.answers("as_completed", [job.job_id for job in jobs])
    same({name: sorted(views, key=lambda job: job.job_id) for name, views in completed.items()})
    results = await clients.agree("results", jobs)
    assert [result["width"] for result in results] == [64] * 3
    console = Console(file=io.StringIO())
    assert await clients.agree("progress", jobs, console=console) == ended


async def test_what_is_left_unfinished_or_failed_raises_the_same(
    clients: FourClients, operate: httpx2.Client, clips: Path, clip: str
) -> None:
    broken = await one(clients.ray, "submit", "probe", str(clips / "broken.mp4"))
    await one(clients.ray, "wait", broken)
    failed = await clients.answers("results", [broken])
    assert {type(error) for error in failed.values()} == {CorruptMedia}
    assert len({error.message for error in failed.values()}) == 1
    with paused(operate, "cpu"):
        job = await one(clients.ray, "submit", "transcode", clip)
        for method in ("as_completed", "wait_all", "results", "progress"):
            jobs: list[JobView] = [job]
            late = await clients.agree(method, jobs, timeout_s=0.1)
            assert isinstance(late, TimedOut)
        late = await clients.agree("wait", job, timeout_s=0.1)
        assert isinstance(late, TimedOut)
    await one(clients.ray, "cancel", job)


@compares("submit_requests")
async def test_refusals_are_the_same_word_for_word(clients: FourClients, clip: str) -> None:
    requests = [
        request("sketch", clip),
        request("preview", clip),
        request("transcode", clip, params={"height": -1, "colour": "red"}),
        request("probe", [clip, clip]),
        request("probe", clip, pool="attic"),
        request("probe", clip, priority=101),
        request("probe", clip, metadata={"text": "x" * 20_000}),
        request("probe", clip, params={"depth": 1}),
        request("probe", "gopher://example.com/clip.mp4"),
        request("probe", clip, output="gopher://example.com/"),
        request("probe", f"job:{NOWHERE}"),
        request("probe", clip, idempotency_key=""),
        request("transcode", clip, output=clip),
        request("probe", clip),
    ]
    told = await clients.answers("submit_requests", requests, refused="return")
    same(told, OF_ONE_JOB)
    *refused, good = told["ray"]
    assert all(isinstance(item, ReelyardError) for item in refused)
    assert isinstance(good, JobView)
    for item, wanted in zip(requests[:-1], refused, strict=True):
        raised = await clients.agree("submit_requests", [item])
        assert type(raised) is type(wanted)
    assert isinstance(await clients.agree("submit", "sketch", clip), UnknownOperation)
    several = await clients.agree("submit_many", "probe", clip)
    assert isinstance(several, ValidationFailed)


async def test_an_idempotency_key_of_another_request_is_refused_the_same(
    clients: FourClients, clips: Path, clip: str
) -> None:
    told = {}
    for name, client in clients.all().items():
        key = f"other-{name}"
        await one(client, "submit", "probe", clip, idempotency_key=key)
        told[name] = await answer(
            client, "submit", "probe", str(clips / "long.mp4"), idempotency_key=key
        )
        assert isinstance(told[name], IdempotencyMismatch)
        told[name].message = told[name].message.replace(key, "the key")
    same(told, OF_ONE_JOB)


@compares("jobs")
async def test_every_filter_finds_the_same_jobs(
    clients: FourClients, clips: Path, clip: str
) -> None:
    made = await answer(clients.ray, "submit_many", "export", [str(clips / "photo.jpg")] * 5)
    ended = await answer(clients.ray, "wait_all", made)
    newest = list(reversed(ended))
    assert await clients.agree("jobs", operation="export", limit=5) == newest
    assert await clients.agree("jobs", operation="export", state="succeeded", limit=3) == newest[:3]
    assert await clients.agree("jobs", operation="export", state="failed") == []
    assert await clients.agree("jobs", input=clip, limit=4)
    assert await clients.agree("jobs", input="nowhere") == []
    assert await clients.agree("jobs", limit=0) == []
    begin = made[0].created_at
    assert len(await clients.agree("jobs", operation="export", created_after=begin)) == 5
    assert await clients.agree("jobs", created_before="2001-01-01") == []
    assert await clients.agree("jobs", created_after="2999-01-01T00:00:00+02:00") == []
    faulty: list[dict[str, Any]] = [
        {"state": "asleep"},
        {"created_after": "yesterday"},
        {"created_before": ""},
    ]
    for wrong in faulty:
        assert isinstance(await clients.agree("jobs", **wrong), ValidationFailed)


async def test_a_listed_job_is_whole(clients: FourClients, clip: str, tmp_path: Path) -> None:
    job = await one(clients.ray, "submit", "preview", clip, params=THUMBNAIL)
    ended = await one(clients.ray, "wait", job)
    (listed,) = await clients.agree("jobs", operation="preview", limit=1)
    assert listed.outputs
    assert listed == ended
    for name, client in clients.all().items():
        (found,) = await answer(client, "jobs", operation="preview", limit=1)
        (path,) = await answer(client, "download", found, tmp_path / name)
        assert path.stat().st_size == ended.outputs[0].size


# --- changes ---


@compares("cancel", "cancel_many", "retry")
async def test_jobs_are_cancelled_and_tried_again_the_same(
    clients: FourClients, operate: httpx2.Client, clips: Path, clip: str
) -> None:
    ended = await one(clients.ray, "wait", await one(clients.ray, "submit", "probe", clip))
    with paused(operate, "cpu"):
        jobs = await answer(clients.ray, "submit_many", "transcode", [clip] * 8)
        told = {
            name: await one(client, "cancel", job)
            for (name, client), job in zip(clients.all().items(), jobs, strict=False)
        }
        same(told, OF_ONE_JOB)
        assert await clients.agree("cancel", jobs[0])
        lists = {}
        for (name, client), job in zip(clients.all().items(), jobs[4:], strict=True):
            asked = [job, ended.job_id, NOWHERE, "?"]
            both = await answer(client, "cancel_many", asked)
            assert list(both) == [job.job_id, ended.job_id, NOWHERE, "?"]
            lists[name] = list(both.values())
        same(lists, OF_ONE_JOB)
    assert [type(item) for item in lists["ray"]] == [JobView, AlreadyFinished, NotFound, NotFound]
    assert isinstance(await clients.agree("cancel", ended), AlreadyFinished)
    assert isinstance(await clients.agree("retry", jobs[0]), ReelyardError)
    broken = await answer(clients.ray, "submit_many", "probe", [str(clips / "broken.mp4")] * 4)
    await answer(clients.ray, "wait_all", broken)
    with paused(operate, "light"):
        again = {
            name: await one(client, "retry", job)
            for (name, client), job in zip(clients.all().items(), broken, strict=True)
        }
    same(again, OF_ONE_JOB | {"pool"})
    assert again["ray"].state is State.QUEUED


@pytest.mark.parametrize("job_id", [NOWHERE, "no-id", "", "../keys", "x" * 80])
async def test_a_job_that_is_not_there(clients: FourClients, job_id: str) -> None:
    for method in ("get", "wait", "cancel", "retry", "download"):
        assert isinstance(await clients.agree(method, job_id), NotFound), method
    for method in ("as_completed", "wait_all", "results", "progress"):
        assert isinstance(await clients.agree(method, [job_id]), NotFound), method


async def test_a_job_may_be_named_in_other_forms_of_its_id(clients: FourClients, clip: str) -> None:
    job = await one(clients.ray, "submit", "probe", clip)
    ended = await one(clients.ray, "wait", job)
    for form in (job.id.upper(), job.id.replace("-", "")):
        assert await clients.agree("get", form) == ended
        assert await clients.agree("wait_all", [form]) == [ended]
        assert list(await clients.agree("cancel_many", [form])) == [form]
        assert isinstance(await clients.agree("retry", form), ReelyardError)


# --- files, operating, the end ---


@compares("download")
async def test_the_same_bytes_are_downloaded(
    clients: FourClients, clip: str, tmp_path: Path
) -> None:
    job = await one(clients.http, "submit", "preview", clip, params=THUMBNAIL)
    await one(clients.http, "wait", job)
    told = {}
    for name, client in clients.all().items():
        (path,) = await answer(client, "download", job.job_id, tmp_path / name)
        told[name] = [path.name, path.read_bytes().hex()]
    same(told)
    refused = await clients.agree("download", job, "/proc/nowhere")
    assert isinstance(refused, ReelyardError)


@compares("overview")
async def test_the_overview_is_the_same(clients: FourClients, clips: Path) -> None:
    job = await one(clients.ray, "submit", "transcode", str(clips / "long.mp4"), params=SLOW)
    while (await one(clients.ray, "get", job)).state is State.QUEUED:
        await asyncio.sleep(0.05)
    moving = frozenset({"uptime_s", "finished_per_s", "oldest_queued_s", "backlog_s"})
    seen = await clients.agree("overview", hide=moving)
    assert {pool["name"] for pool in seen["pools"]} >= {"cpu", "light"}
    assert [running["job_id"] for running in seen["running"]] == [job.job_id]
    await one(clients.ray, "cancel", job)


@compares("create_key", "rotate_key", "list_keys", "revoke_key")
async def test_keys_are_made_listed_and_revoked_the_same(clients: FourClients) -> None:
    of_one_key = frozenset({"key", "key_id", "created_at", "created_ms"})
    made = await clients.answers("create_key", "acme", "reader", credits=5, scope="read")
    same(made, of_one_key)
    fresh = {
        name: await answer(client, "rotate_key", made[name]["key_id"], 0)
        for name, client in clients.all().items()
    }
    same(fresh, of_one_key)
    assert fresh["http"]["scope"] == "read"
    assert made["ray"]["key"].startswith("ry_")
    listed = await clients.agree("list_keys")
    assert [key["name"] for key in listed] == ["first", *["reader"] * 8]
    revoked = {
        name: await answer(client, "revoke_key", made[name]["key_id"])
        for name, client in clients.all().items()
    }
    same(revoked, of_one_key | {"expires_at", "revoked_at", "revoked_ms"})
    assert revoked["http"]["revoked_at"]
    assert await clients.agree("revoke_key", made["ray"]["key_id"]) == revoked["ray"]
    faults: tuple[dict[str, Any], ...] = (
        {"tenant": "no tenant!"}, {"name": "x" * 201}, {"scope": "root"}, {"credits": -1},
    )  # fmt: skip
    for faulty in faults:
        refused = await clients.agree("create_key", **({"tenant": "acme", "name": "b"} | faulty))
        assert isinstance(refused, ValidationFailed)
    for unknown in (NOWHERE, "?", ""):
        assert isinstance(await clients.agree("revoke_key", unknown), NotFound)


@compares("close")
async def test_a_closed_client_says_so(clients: FourClients) -> None:
    """Comes last: the clients of all tests above are closed."""
    same(await clients.answers("close"))
    same(await clients.answers("close"))
    for method, args in (("overview", []), ("get", [NOWHERE]), ("jobs", []), ("wait", [NOWHERE])):
        told = await clients.answers(method, *args)
        same(told)
        assert isinstance(told["ray"], RuntimeError)
