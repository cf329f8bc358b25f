"""Credits, rate limits, uploads, operations, and what operators see."""

from pathlib import Path

import httpx2
import pytest

from api.http.rate_limit import RateLimiter
from tests.unit.api.conftest import WORKER, Build, Desk

JOB = {"operation": "probe", "url": "http://media.test/a.mp4"}


async def test_a_job_beyond_the_credits_is_a_402_that_tells_both_sums(desk: Desk) -> None:
    desk.use(await desk.key("t", credits=1))
    await desk.submit()
    answer = await desk.post("/v1/jobs", JOB)
    assert answer.status_code == 402
    body = answer.json()
    assert (body["code"], body["required"], body["available"]) == ("insufficient_credits", 1, 0)
    usage = (await desk.get("/v1/usage")).json()
    assert (usage["credits_left"], usage["credits_spent"]) == (0, 1)


async def test_rate_headers_count_down_to_a_429(make_desk: Build) -> None:
    desk = await make_desk(rate_limit_per_minute=3)
    left = []
    for _ in range(3):
        answer = await desk.get("/v1/jobs")
        assert answer.headers["x-ratelimit-limit"] == "3"
        assert int(answer.headers["x-ratelimit-reset"]) > 1_700_000_000
        left.append(int(answer.headers["x-ratelimit-remaining"]))
    assert left == [2, 1, 0]
    refused = await desk.post("/v1/jobs", JOB)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) == refused.json()["retry_after"] > 0
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert (await desk.get("/healthz")).status_code == 200


async def test_each_key_has_a_rate_of_its_own(make_desk: Build) -> None:
    desk = await make_desk(rate_limit_per_minute=1)
    for tenant in ("a", "b"):
        desk.use(await desk.key(tenant))
        assert (await desk.get("/v1/jobs")).status_code == 200
        assert (await desk.get("/v1/jobs")).status_code == 429


def rate(answer: httpx2.Response) -> tuple[int, int]:
    """The limit and what is left; KeyError without the headers."""
    assert int(answer.headers["x-ratelimit-reset"]) > 1_700_000_000
    return (
        int(answer.headers["x-ratelimit-limit"]),
        int(answer.headers["x-ratelimit-remaining"]),
    )


async def test_strangers_are_counted_by_their_address_and_apart_from_the_keys(
    make_desk: Build,
) -> None:
    desk = await make_desk(rate_limit_per_minute=2)
    key = await desk.key("t")
    desk.use("guess")
    answers = [await desk.get("/v1/jobs") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert [rate(answer) for answer in answers] == [(2, 1), (2, 0), (2, 0)]
    assert int(answers[2].headers["retry-after"]) > 0
    desk.use(key)
    assert rate(await desk.get("/v1/jobs")) == (2, 1)


async def test_every_answer_below_v1_tells_the_rate_and_asks_for_no_key_to_do_so(
    make_desk: Build,
) -> None:
    desk = await make_desk(rate_limit_per_minute=2, max_json_bytes=1000)
    big = {"content": b"x" * 2000, "headers": {"Content-Type": "application/json"}}
    for answer in (
        await desk.get("/v1/nothing/here"),
        await desk.call("DELETE", "/v1/jobs"),
        await desk.call("POST", "/v1/auth/token"),
        await desk.call("POST", "/v1/jobs", **big),
    ):
        assert answer.status_code in {400, 401, 404, 405, 413}
        assert rate(answer) == (2, 2)
    assert "x-ratelimit-limit" not in (await desk.get("/healthz")).headers


async def test_a_counter_that_cannot_be_reached_makes_the_service_unavailable(
    make_desk: Build,
) -> None:
    desk = await make_desk(rate_limit_per_minute=2)
    desk.services.limiter = RateLimiter(2, "redis://127.0.0.1:1/0")
    answer = await desk.get("/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    assert (await desk.get("/v1/nothing")).status_code == 404


async def test_an_upload_begun_here_is_sent_there_and_used_in_a_job(desk: Desk) -> None:
    made = await desk.post("/v1/uploads", {"filename": "clip.mp4", "size": 5})
    assert made.status_code == 201
    upload = made.json()
    body = {"operation": "probe", "upload_id": upload["upload_id"]}
    early = await desk.post("/v1/jobs", body)
    assert (early.status_code, early.json()["code"]) == (409, "not_ready")
    sent = await desk.call(
        "PATCH",
        upload["url"],
        content=b"12345",
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
        },
    )
    assert sent.status_code == 204, sent.text
    assert (await desk.post("/v1/jobs", body)).status_code == 202
    assert (
        await desk.post("/v1/jobs", {"operation": "probe", "input": upload["input"]})
    ).is_success
    job = (await desk.get("/v1/jobs")).json()["items"][0]
    assert job["source_url"] == upload["input"]


async def test_a_form_is_sent_on_to_where_bytes_are_taken(desk: Desk) -> None:
    files = {"file": ("clip.mp4", b"12345", "video/mp4")}
    answer = await desk.call("POST", "/v1/uploads", files=files)
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/uploads")
    followed = await desk.call("POST", "/v1/uploads", files=files, follow_redirects=True)
    assert followed.status_code == 201, followed.text
    upload_id = followed.json()["upload_id"]
    job = await desk.post("/v1/jobs", {"operation": "probe", "upload_id": upload_id})
    assert job.status_code == 202, job.text


async def test_a_form_larger_than_a_json_body_may_be_is_sent_on_too(make_desk: Build) -> None:
    desk = await make_desk(max_json_bytes=1000)
    files = {"file": ("clip.mp4", b"x" * 2000, "video/mp4")}
    assert (await desk.call("POST", "/v1/uploads", files=files)).status_code == 307
    text = b'{"size": 5, "filename": "' + b"x" * 2000 + b'"}'
    for kind in ("application/json", "multipart/form-data; boundary=x"):
        path = "/v1/uploads" if kind == "application/json" else "/v1/jobs"
        answer = await desk.call("POST", path, content=text, headers={"content-type": kind})
        assert answer.status_code == 413


async def test_an_open_folder_can_be_named_by_a_tenant(make_desk: Build, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    desk = await make_desk(input_roots=[str(tmp_path / "open")])
    desk.use(await desk.key("t"))
    await desk.submit(url=None, input=str(tmp_path / "open" / "a.mp4"))
    assert (await desk.lease()).inputs == [(tmp_path / "open" / "a.mp4").as_uri()]


async def test_operations_tell_their_parameters_as_a_json_schema(desk: Desk) -> None:
    names = [item["name"] for item in (await desk.get("/v1/operations")).json()["items"]]
    assert {"probe", "transcode", "image", "preview", "optimize", "enhance"} <= set(names)
    preview = (await desk.get("/v1/operations/preview")).json()
    width = preview["parameters"]["properties"]["width"]
    assert (width["minimum"], width["maximum"], width["default"]) == (16, 3840, 480)
    assert preview["summary"]


async def test_an_admin_sees_pools_and_jobs_and_holds_a_pool(desk: Desk) -> None:
    job_id = await desk.submit()
    seen = (await desk.get("/v1/admin/overview")).json()
    assert seen["jobs"]["queued"] == 1
    light = next(pool for pool in seen["pools"] if pool["name"] == "light")
    assert light["queued"] == 1
    paused = await desk.post("/v1/admin/pools/light/pause")
    assert paused.json() == {"pool": "light", "state": "paused", "workers": []}
    assert (await desk.registry.lease(WORKER, 1, [], 0)).leases == []
    assert (await desk.post("/v1/admin/pools/light/resume")).json()["state"] == "running"
    assert (await desk.lease()).job_id == job_id
    running = (await desk.get("/v1/admin/overview")).json()["running"]
    assert [job["job_id"] for job in running] == [job_id]
    assert (await desk.post("/v1/admin/pools/cpu/drain")).json()["state"] == "draining"
    assert (await desk.registry.lease(WORKER, 1, [], 0)).drain


async def test_an_admin_makes_lists_and_revokes_keys(desk: Desk) -> None:
    made = await desk.post("/v1/admin/keys", {"tenant": "root", "name": "me", "admin": True})
    assert made.status_code == 201
    assert made.json()["key"].startswith("ry_")
    desk.use(made.json()["key"])
    other = (await desk.post("/v1/admin/keys", {"tenant": "t", "credits": 3})).json()
    listed = (await desk.get("/v1/admin/keys")).json()["items"]
    assert [item["tenant"] for item in listed] == ["root", "t"]
    assert not any("key" in item for item in listed)
    gone = await desk.call("DELETE", f"/v1/admin/keys/{other['key_id']}")
    assert gone.json()["revoked_at"]
    assert (await desk.call("DELETE", "/v1/admin/keys/nope")).status_code == 404
    granted = await desk.post("/v1/admin/tenants/t/credits", {"credits": 4})
    assert granted.json()["credits_left"] == 7


async def test_an_admin_may_look_at_and_cancel_anybodys_job(desk: Desk) -> None:
    root = await desk.key("root", admin=True)
    desk.use(await desk.key("t"))
    job_id = await desk.submit()
    desk.use(root)
    assert (await desk.get(f"/v1/jobs/{job_id}")).status_code == 200
    assert (await desk.get("/v1/jobs")).json()["items"] == []
    assert (await desk.post(f"/v1/jobs/{job_id}/cancel")).json()["state"] == "cancelled"


async def test_metrics_tell_queues_and_requests_by_route_never_by_job(desk: Desk) -> None:
    job_id = await desk.submit()
    await desk.get(f"/v1/jobs/{job_id}")
    text = (await desk.get("/metrics")).text
    assert 'reelyard_jobs{state="queued"} 1.0' in text
    assert 'reelyard_pool_queued{pool="light"} 1.0' in text
    assert 'method="GET",route="/v1/jobs/{job_id}",status="200"} 1.0' in text
    assert job_id not in text


async def test_health_is_bad_while_the_registry_is_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cluster.errors import Unavailable

    assert (await desk.get("/healthz")).json()["status"] == "ok"

    async def away() -> str:
        raise Unavailable

    monkeypatch.setattr(desk.registry, "ping", away)
    answer = await desk.get("/healthz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert (await desk.get("/livez")).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
async def test_monitors_may_ask_for_the_head_alone(desk: Desk, path: str) -> None:
    answer = await desk.call("HEAD", path)
    assert (answer.status_code, answer.content) == (200, b"")
