"""`/v1/admin`: pools, keys and credits."""

from tests.unit.api.api_harness import WORKER, ApiHarness


async def test_an_admin_sees_pools_and_jobs_and_holds_a_pool(harness: ApiHarness) -> None:
    job_id = await harness.submit()
    seen = (await harness.get("/v1/admin/overview")).json()
    assert seen["jobs"]["queued"] == 1
    light = next(pool for pool in seen["pools"] if pool["name"] == "light")
    assert light["queued"] == 1
    paused = await harness.post("/v1/admin/pools/light/pause")
    assert paused.json() == {"pool": "light", "state": "paused", "workers": []}
    assert (await harness.registry.lease(WORKER, 1, [], 0)).leases == []
    assert (await harness.post("/v1/admin/pools/light/resume")).json()["state"] == "running"
    assert (await harness.lease()).job_id == job_id
    running = (await harness.get("/v1/admin/overview")).json()["running"]
    assert [job["job_id"] for job in running] == [job_id]
    assert (await harness.post("/v1/admin/pools/cpu/drain")).json()["state"] == "draining"
    assert (await harness.registry.lease(WORKER, 1, [], 0)).drain


async def test_an_admin_makes_lists_and_revokes_keys(harness: ApiHarness) -> None:
    made = await harness.post("/v1/admin/keys", {"tenant": "root", "name": "me", "admin": True})
    assert made.status_code == 201
    assert made.json()["key"].startswith("ry_")
    harness.use(made.json()["key"])
    other = (await harness.post("/v1/admin/keys", {"tenant": "t", "credits": 3})).json()
    listed = (await harness.get("/v1/admin/keys")).json()["items"]
    assert [item["tenant"] for item in listed] == ["root", "t"]
    assert not any("key" in item for item in listed)
    gone = await harness.call("DELETE", f"/v1/admin/keys/{other['key_id']}")
    assert gone.json()["revoked_at"]
    assert (await harness.call("DELETE", "/v1/admin/keys/nope")).status_code == 404
    granted = await harness.post("/v1/admin/tenants/t/credits", {"credits": 4})
    assert granted.json()["credits_left"] == 7


async def test_an_admin_may_look_at_and_cancel_anybodys_job(harness: ApiHarness) -> None:
    root = await harness.key("root", admin=True)
    harness.use(await harness.key("t"))
    job_id = await harness.submit()
    harness.use(root)
    assert (await harness.get(f"/v1/jobs/{job_id}")).status_code == 200
    assert (await harness.get("/v1/jobs")).json()["items"] == []
    assert (await harness.post(f"/v1/jobs/{job_id}/cancel")).json()["state"] == "cancelled"


async def test_credits_beyond_counting_are_refused(harness: ApiHarness) -> None:
    answer = await harness.post("/v1/admin/tenants/t/credits", {"credits": 2**63})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "credits"])
    assert (await harness.post("/v1/admin/keys", {"credits": 2**63})).status_code == 422


async def test_a_key_is_put_in_anothers_place(harness: ApiHarness) -> None:
    old = (await harness.post("/v1/admin/keys", {"tenant": "t", "scope": "admin"})).json()
    harness.use(old["key"])
    made = await harness.post(f"/v1/admin/keys/{old['key_id']}/rotate", {"overlap_s": 0})
    assert made.status_code == 201
    assert (made.json()["tenant"], made.json()["scope"]) == ("t", "admin")
    assert (await harness.get("/v1/jobs")).status_code == 401
    harness.use(made.json()["key"])
    listed = (await harness.get("/v1/admin/keys")).json()["items"]
    assert [bool(key["expires_at"]) for key in listed] == [True, False]
    again = await harness.post(f"/v1/admin/keys/{old['key_id']}/rotate", {})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    for faulty in ({"scope": "root"}, {"admin": True, "scope": "read"}, {"expires_in_s": 0}):
        assert (await harness.post("/v1/admin/keys", faulty)).status_code == 422
