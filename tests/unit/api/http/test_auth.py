"""Who may ask, and what they see."""

import httpx2
import pytest

from actors.registry import stored_keys_are_needed
from api.serving.app import create_app
from cluster.cluster_file import ClusterFile, process_start, write_cluster_file
from tests.unit.api.conftest import Build, Desk


async def status(desk: Desk, key: str | None, path: str = "/v1/jobs") -> int:
    headers = {"authorization": f"Bearer {key}"} if key is not None else {}
    return (await desk.http.get(path, headers=headers)).status_code


async def test_this_machine_needs_no_key_until_the_first_one_exists(desk: Desk) -> None:
    assert await status(desk, None) == 200
    assert await status(desk, None, "/v1/admin/overview") == 200
    key = await desk.key("a")
    assert await status(desk, None) == 401
    assert await status(desk, key) == 200
    assert await status(desk, key, "/v1/admin/overview") == 403


async def test_the_refusal_reads_as_the_document_has_it(desk: Desk) -> None:
    await desk.key("a")
    answer = await desk.get("/v1/jobs")
    assert answer.json() == {"detail": "Invalid or missing API key", "code": "unauthorized"}
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_wrong_key_is_refused_even_while_none_is_needed(desk: Desk) -> None:
    for wrong in ("nonsense", "", "a.b.c", "ry_" + "x" * 40):
        assert await status(desk, wrong) == 401
    basic = await desk.http.get("/v1/jobs", headers={"authorization": "Basic eDp5"})
    assert basic.status_code == 401


async def test_a_key_works_as_x_api_key_too(desk: Desk) -> None:
    key = await desk.key("a")
    assert (await desk.http.get("/v1/jobs", headers={"x-api-key": key})).status_code == 200


async def test_a_revoked_key_is_worthless_and_opens_no_door(desk: Desk) -> None:
    key = await desk.key("a")
    (info,) = await desk.services.registry.api_keys()
    await desk.services.registry.revoke_key(info.key_id)
    assert await status(desk, key) == 401
    assert await status(desk, None) == 401


@pytest.mark.parametrize(
    ("made", "revoked", "needed"), [(0, 0, False), (1, 0, True), (1, 1, True), (2, 1, True)]
)
async def test_requests_the_command_and_the_server_agree_on_whether_a_key_is_needed(
    desk: Desk, made: int, revoked: int, needed: bool
) -> None:
    for _ in range(made):
        await desk.key("a")
    for info in (await desk.services.registry.api_keys())[:revoked]:
        await desk.services.registry.revoke_key(info.key_id)
    assert await stored_keys_are_needed(desk.services.settings) is needed
    assert await desk.services.registry.keys.are_needed() is needed
    assert await status(desk, None) == (401 if needed else 200)


async def test_without_a_key_strangers_pages_and_proxies_are_refused(desk: Desk) -> None:
    app = create_app(desk.services)
    stranger = httpx2.ASGITransport(app=app, client=("203.0.113.7", 1))
    async with httpx2.AsyncClient(transport=stranger, base_url="http://127.0.0.1") as http:
        assert (await http.get("/v1/jobs")).status_code == 401
    rebound = await desk.http.get("/v1/jobs", headers={"host": "evil.example"})
    assert rebound.status_code == 401
    page = await desk.http.get("/v1/jobs", headers={"origin": "https://evil.example"})
    assert page.status_code == 401
    garbled = await desk.http.get("/v1/jobs", headers={"origin": "http://[localhost"})
    assert garbled.status_code == 401
    for site, status in (("cross-site", 401), ("same-origin", 200), ("none", 200)):
        image = await desk.http.get("/v1/jobs", headers={"sec-fetch-site": site})
        assert image.status_code == status
    for name in ("x-forwarded-for", "x-real-ip", "forwarded", "via"):
        proxied = await desk.http.get("/v1/jobs", headers={name: "203.0.113.7"})
        assert proxied.status_code == 401, name
    own = await desk.http.get("/v1/jobs", headers={"origin": "http://localhost:8000"})
    assert own.status_code == 200


async def test_a_server_for_everybody_wants_a_key_from_everybody(make_desk: Build) -> None:
    desk = await make_desk(host="0.0.0.0")
    assert await status(desk, None) == 401


async def test_whoever_reads_the_cluster_file_is_the_operator(desk: Desk) -> None:
    import os

    await desk.key("a")
    pid = os.getpid()
    entry = ClusterFile("127.0.0.1:1", None, pid, "t" * 64, 0, process_start(pid) or 0.0)
    write_cluster_file(desk.services.settings, entry)
    assert await status(desk, "t" * 64, "/v1/admin/overview") == 200
    assert await status(desk, "u" * 64, "/v1/admin/overview") == 401


async def test_a_token_is_as_good_as_its_key_and_no_longer(desk: Desk) -> None:
    await desk.key("a")
    (info,) = await desk.services.registry.api_keys()
    token = desk.services.signer.sign_token({"key_id": info.key_id}, 60)
    assert await status(desk, token) == 200
    assert await status(desk, desk.services.signer.sign_token({"key_id": info.key_id}, -1)) == 401
    assert await status(desk, desk.services.signer.sign_token({}, 60)) == 401
    await desk.services.registry.revoke_key(info.key_id)
    assert await status(desk, token) == 401


async def test_tenants_see_nothing_of_each_other(desk: Desk) -> None:
    mine, yours = await desk.key("mine"), await desk.key("yours")
    desk.use(mine)
    job_id = await desk.submit()
    cursor_page = (await desk.get("/v1/jobs?limit=1")).json()
    await desk.submit()
    cursor = (await desk.get("/v1/jobs?limit=1")).json()["next_cursor"]
    upload = (await desk.post("/v1/uploads", {"size": 1})).json()["upload_id"]
    assert cursor_page["items"][0]["job_id"] == job_id
    desk.use(yours)
    for method, path in (
        ("GET", f"/v1/jobs/{job_id}"),
        ("GET", f"/v1/jobs/{job_id}?wait=1"),
        ("GET", f"/v1/jobs/{job_id}/events"),
        ("DELETE", f"/v1/jobs/{job_id}"),
        ("POST", f"/v1/jobs/{job_id}/cancel"),
        ("POST", f"/v1/jobs/{job_id}/retry"),
    ):
        assert (await desk.call(method, path)).status_code == 404, path
    assert (await desk.get("/v1/jobs")).json()["items"] == []
    assert (await desk.get("/v1/jobs", params={"cursor": cursor})).status_code == 400
    found = (await desk.post("/v1/jobs:batchGet", {"job_ids": [job_id]})).json()
    assert (found["items"], found["missing"]) == ([], [job_id])
    for source in (f"job:{job_id}", f"upload:{upload}", "storage:tenants/mine/jobs/x"):
        answer = await desk.post("/v1/jobs", {"operation": "probe", "input": source})
        assert answer.status_code in (403, 404), source
    assert (await desk.get("/v1/usage")).json()["jobs"].get("queued", 0) == 0
    desk.use(mine)
    assert (await desk.get(f"/v1/jobs/{job_id}")).json()["state"] == "queued"


async def test_a_tenant_may_name_no_file_and_write_to_no_disk(desk: Desk) -> None:
    desk.use(await desk.key("a"))
    body = {"operation": "probe", "input": "/etc/passwd"}
    assert (await desk.post("/v1/jobs", body)).json()["code"] == "source_forbidden"
    body = {"operation": "image", "url": "http://media.test/a.png", "output": "/tmp/x.png"}
    assert (await desk.post("/v1/jobs", body)).json()["code"] == "forbidden"
    graph = [{"name": "a", "operation": "probe", "inputs": ["file:///etc/passwd"]}]
    answer = await desk.post("/v1/jobs", {"tasks": graph, "url": "http://media.test/a.png"})
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
    desk: Desk, source: str, code: str
) -> None:
    desk.use(await desk.key("a"))
    answer = await desk.post("/v1/jobs", {"operation": "probe", "input": source})
    assert answer.json()["code"] == code
