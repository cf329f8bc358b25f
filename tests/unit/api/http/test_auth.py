"""Callers, and what they see."""

import asyncio

import httpx2
import pytest

from reelyard.actors.jobs.messages import KeyScope
from reelyard.actors.registry import stored_keys_are_needed
from reelyard.api.serving.app import create_app
from reelyard.cluster.runtime.cluster_file import ClusterFile, process_start, write_cluster_file
from tests.unit.api.api_harness import ApiHarness, MakeHarness


async def status(harness: ApiHarness, key: str | None, path: str = "/v1/jobs") -> int:
    headers = {"authorization": f"Bearer {key}"} if key is not None else {}
    return (await harness.http.get(path, headers=headers)).status_code


async def test_this_machine_needs_no_key_until_the_first_one_exists(harness: ApiHarness) -> None:
    assert await status(harness, None) == 200
    assert await status(harness, None, "/v1/admin/overview") == 200
    key = await harness.key("a")
    assert await status(harness, None) == 401
    assert await status(harness, key) == 200
    assert await status(harness, key, "/v1/admin/overview") == 403


async def test_the_refusal_reads_as_the_document_has_it(harness: ApiHarness) -> None:
    await harness.key("a")
    answer = await harness.get("/v1/jobs")
    said = {"detail": "Invalid or missing API key", "code": "unauthorized"}
    assert answer.json() == said | {"message": said["detail"], "retryable": False, "details": {}}
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_wrong_key_is_refused_even_while_none_is_needed(harness: ApiHarness) -> None:
    for wrong in ("nonsense", "", "a.b.c", "ry_" + "x" * 40):
        assert await status(harness, wrong) == 401
    basic = await harness.http.get("/v1/jobs", headers={"authorization": "Basic eDp5"})
    assert basic.status_code == 401


async def test_a_key_works_as_x_api_key_too(harness: ApiHarness) -> None:
    key = await harness.key("a")
    assert (await harness.http.get("/v1/jobs", headers={"x-api-key": key})).status_code == 200


async def test_a_revoked_key_is_worthless_and_opens_no_door(harness: ApiHarness) -> None:
    key = await harness.key("a")
    (info,) = await harness.services.registry.accounts.all_keys()
    await harness.services.registry.accounts.revoke_key(info.key_id)
    assert await status(harness, key) == 401
    assert await status(harness, None) == 401


@pytest.mark.parametrize(
    ("made", "revoked", "needed"), [(0, 0, False), (1, 0, True), (1, 1, True), (2, 1, True)]
)
async def test_requests_the_command_and_the_server_agree_on_whether_a_key_is_needed(
    harness: ApiHarness, made: int, revoked: int, needed: bool
) -> None:
    for _ in range(made):
        await harness.key("a")
    for info in (await harness.services.registry.accounts.all_keys())[:revoked]:
        await harness.services.registry.accounts.revoke_key(info.key_id)
    assert await stored_keys_are_needed(harness.services.settings) is needed
    assert await harness.services.registry.accounts.keys.are_needed() is needed
    assert await status(harness, None) == (401 if needed else 200)


async def test_without_a_key_strangers_pages_and_proxies_are_refused(harness: ApiHarness) -> None:
    app = create_app(harness.services)
    stranger = httpx2.ASGITransport(app=app, client=("203.0.113.7", 1))
    async with httpx2.AsyncClient(transport=stranger, base_url="http://127.0.0.1") as http:
        assert (await http.get("/v1/jobs")).status_code == 401
    rebound = await harness.http.get("/v1/jobs", headers={"host": "evil.example"})
    assert rebound.status_code == 401
    page = await harness.http.get("/v1/jobs", headers={"origin": "https://evil.example"})
    assert page.status_code == 401
    garbled = await harness.http.get("/v1/jobs", headers={"origin": "http://[localhost"})
    assert garbled.status_code == 401
    for site, status in (("cross-site", 401), ("same-origin", 200), ("none", 200)):
        image = await harness.http.get("/v1/jobs", headers={"sec-fetch-site": site})
        assert image.status_code == status
    for name in ("x-forwarded-for", "x-real-ip", "forwarded", "via"):
        proxied = await harness.http.get("/v1/jobs", headers={name: "203.0.113.7"})
        assert proxied.status_code == 401, name
    own = await harness.http.get("/v1/jobs", headers={"origin": "http://localhost:8000"})
    assert own.status_code == 200


async def test_a_server_for_everybody_wants_a_key_from_everybody(make_harness: MakeHarness) -> None:
    harness = await make_harness(host="0.0.0.0")
    assert await status(harness, None) == 401


async def test_whoever_reads_the_cluster_file_is_the_operator(harness: ApiHarness) -> None:
    import os

    await harness.key("a")
    pid = os.getpid()
    entry = ClusterFile("127.0.0.1:1", None, pid, "t" * 64, 0, process_start(pid) or 0.0)
    write_cluster_file(harness.services.settings, entry)
    assert await status(harness, "t" * 64, "/v1/admin/overview") == 200
    assert await status(harness, "u" * 64, "/v1/admin/overview") == 401


async def test_a_token_is_as_good_as_its_key_and_no_longer(harness: ApiHarness) -> None:
    await harness.key("a")
    (info,) = await harness.services.registry.accounts.all_keys()
    token = harness.services.signer.sign_token({"key_id": info.key_id}, 60)
    assert await status(harness, token) == 200
    assert (
        await status(harness, harness.services.signer.sign_token({"key_id": info.key_id}, -1))
        == 401
    )
    assert await status(harness, harness.services.signer.sign_token({}, 60)) == 401
    await harness.services.registry.accounts.revoke_key(info.key_id)
    assert await status(harness, token) == 401


async def test_tenants_see_nothing_of_each_other(harness: ApiHarness) -> None:
    mine, yours = await harness.key("mine"), await harness.key("yours")
    harness.use(mine)
    job_id = await harness.submit()
    cursor_page = (await harness.get("/v1/jobs?limit=1")).json()
    await harness.submit()
    cursor = (await harness.get("/v1/jobs?limit=1")).json()["next_cursor"]
    upload = (await harness.post("/v1/uploads", {"size": 1})).json()["upload_id"]
    assert cursor_page["items"][0]["job_id"] == job_id
    harness.use(yours)
    for method, path in (
        ("GET", f"/v1/jobs/{job_id}"),
        ("GET", f"/v1/jobs/{job_id}?wait=1"),
        ("GET", f"/v1/jobs/{job_id}/events"),
        ("DELETE", f"/v1/jobs/{job_id}"),
        ("POST", f"/v1/jobs/{job_id}/cancel"),
        ("POST", f"/v1/jobs/{job_id}/retry"),
    ):
        assert (await harness.call(method, path)).status_code == 404, path
    assert (await harness.get("/v1/jobs")).json()["items"] == []
    assert (await harness.get("/v1/jobs", params={"cursor": cursor})).status_code == 400
    found = (await harness.post("/v1/jobs:batchGet", {"job_ids": [job_id]})).json()
    assert (found["items"], found["missing"]) == ([], [job_id])
    for source in (f"job:{job_id}", f"upload:{upload}", "storage:tenants/mine/jobs/x"):
        answer = await harness.post("/v1/jobs", {"operation": "probe", "input": source})
        assert answer.status_code in (403, 404), source
    assert (await harness.get("/v1/usage")).json()["jobs"].get("queued", 0) == 0
    harness.use(mine)
    assert (await harness.get(f"/v1/jobs/{job_id}")).json()["state"] == "queued"


async def test_a_tenant_may_name_no_file_and_write_to_no_disk(harness: ApiHarness) -> None:
    harness.use(await harness.key("a"))
    body = {"operation": "probe", "input": "/etc/passwd"}
    assert (await harness.post("/v1/jobs", body)).json()["code"] == "source_forbidden"
    body = {"operation": "image", "url": "http://media.test/a.png", "output": "/tmp/x.png"}
    assert (await harness.post("/v1/jobs", body)).json()["code"] == "forbidden"
    graph = [{"name": "a", "operation": "probe", "inputs": ["file:///etc/passwd"]}]
    answer = await harness.post("/v1/jobs", {"tasks": graph, "url": "http://media.test/a.png"})
    assert answer.json()["code"] == "source_forbidden"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("storage:tenants/other/jobs/x/a-1/a.mp4", "forbidden"),
        ("STORAGE:tenants/other/jobs/x/a-1/a.mp4", "forbidden"),
        ("storage:tenants/a/../other/x", "invalid_input"),
        ("storage:", "invalid_input"),
        ("upload:no-such-upload", "not_found"),
        ("UPLOAD:no-such-upload", "not_found"),
        ("job:no-such-job/a.mp4", "not_found"),
        ("task:probe", "invalid_input"),
        ("input", "invalid_input"),
        ("ftp://media.test/a", "invalid_input"),
        ("memory://store/a", "invalid_input"),
        ("s3://bucket/a", "source_forbidden"),
        ("S3://bucket/a", "source_forbidden"),
        ("s3:bucket", "invalid_input"),
        ("file:///etc/passwd", "source_forbidden"),
        ("file://[/a", "invalid_input"),
        ("\u0001http://media.test/a", "invalid_input"),
        ("ht\ntp://media.test/a", "invalid_input"),
    ],
)
async def test_a_location_that_a_tenant_may_not_name_is_refused(
    harness: ApiHarness, source: str, code: str
) -> None:
    harness.use(await harness.key("a"))
    answer = await harness.post("/v1/jobs", {"operation": "probe", "input": source})
    assert answer.json()["code"] == code


async def test_a_key_that_may_only_read_changes_nothing_in_any_dialect(
    harness: ApiHarness,
) -> None:
    probe = {"operation": "probe", "url": "http://media.test/a.mp4"}
    job = (await harness.post("/v1/jobs", probe)).json()
    harness.use(await harness.key("default", scope=KeyScope.READ))
    for path in (f"/v1/jobs/{job['job_id']}", "/v1/jobs", "/jobs", "/media/jobs", "/v1/usage"):
        assert (await harness.get(path)).status_code == 200
    for path in (
        "/v1/jobs", "/v1/jobs:batch", f"/v1/jobs/{job['job_id']}/cancel", "/media/enhance",
        "/jobs", "/v1/admin/keys",
    ):  # fmt: skip
        answer = await harness.post(path, probe)
        assert answer.status_code == 403, path
        assert "only read" in answer.text
    assert (await harness.get("/v1/admin/keys")).status_code == 403


async def test_a_key_that_has_expired_is_worthless(harness: ApiHarness) -> None:
    harness.use(await harness.key("t", life_s=0.001))
    await asyncio.sleep(0.01)
    assert (await harness.get("/v1/jobs")).status_code == 401
