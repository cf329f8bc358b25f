"""Dolby.io's paths."""

from __future__ import annotations

import base64

import pytest

from reelyard.api.dolby.locations import dlb_key
from tests.dialect_harness import URL, DialectHarness


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


@pytest.mark.parametrize("name", ["laptop", "key_id"])
async def test_a_token_for_a_key_opens_every_call(dialects: DialectHarness, name: str) -> None:
    app_key = dialects.key_id if name == "key_id" else name
    form = {"grant_type": "client_credentials", "expires_in": "600"}
    answer = await dialects.http.post(
        "/v1/auth/token", data=form, headers=basic(app_key, dialects.key)
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 600)
    bearer = {"Authorization": f"Bearer {told['access_token']}"}
    for path in ("/media/jobs", "/jobs", "/api/usage"):
        assert (await dialects.http.get(path, headers=bearer)).status_code == 200


async def test_the_token_call_takes_its_values_in_the_query_too(dialects: DialectHarness) -> None:
    values = {"app_key": "laptop", "app_secret": dialects.key, "expires_in": "60"}
    answer = await dialects.http.post(
        "/v1/auth/token", params=values, json={}, headers={"Authorization": ""}
    )
    assert answer.json()["expires_in"] == 60


@pytest.mark.parametrize(
    ("name", "secret", "form", "status"),
    [
        ("laptop", "ry_wrong", {}, 401),
        ("somebody", "", {}, 401),
        ("laptop", None, {"expires_in": "86401"}, 400),
        ("laptop", None, {"expires_in": "9" * 5000}, 400),
        ("laptop", None, {"expires_in": "\u0661\u0662"}, 400),
        ("laptop", None, {"grant_type": "password"}, 400),
    ],
)
async def test_a_wrong_token_call_is_refused(
    dialects: DialectHarness, name: str, secret: str | None, form: dict[str, str], status: int
) -> None:
    headers = basic(name, dialects.key if secret is None else secret)
    answer = await dialects.http.post("/v1/auth/token", data=form, headers=headers)
    assert answer.status_code == status
    assert set(answer.json()) == {"type", "title", "status", "detail", "instance"}


@pytest.mark.parametrize("body", ["{", '{"a":' + "[" * 100_000, '{"expires_in":' + "9" * 5000])
async def test_a_token_call_that_is_neither_form_nor_json_is_refused(
    dialects: DialectHarness, body: str
) -> None:
    answer = await dialects.http.post("/v1/auth/token", content=body)
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad Request")


async def test_an_enhance_job_is_polled_at_its_path_until_success(dialects: DialectHarness) -> None:
    job_id = await dialects.enhance()
    params = {"job_id": job_id}
    pending = await dialects.http.get("/media/enhance", params=params)
    assert pending.headers["content-type"] == "application/json"
    assert pending.json() == {
        "path": "/media/enhance",
        "status": "Pending",
        "progress": 0,
        "api_version": "v1.1.2",
        "result": {},
    }
    assert await dialects.work("clip.mp4") == "enhance"
    done = (await dialects.http.get("/media/enhance", params=params)).json()
    assert (done["status"], done["progress"]) == ("Success", 100)
    missing = await dialects.http.get("/media/transcode", params=params)
    assert missing.status_code == 404
    assert missing.json()["instance"] == "/media/transcode"


async def test_the_list_pages_through_all_jobs_newest_first(dialects: DialectHarness) -> None:
    made = [await dialects.enhance() for _ in range(103)]
    first = (await dialects.http.get("/media/jobs", params={"status": "Pending"})).json()
    assert first["count"] == 100
    rest = (
        await dialects.http.get("/media/jobs", params={"next_token": first["next_token"]})
    ).json()
    assert rest["count"] == 3
    assert "next_token" not in rest
    found = [job["job_id"] for page in (first, rest) for job in page["jobs"]]
    assert found == made[::-1]


async def test_the_list_filters_by_status_and_time(dialects: DialectHarness) -> None:
    await dialects.enhance()
    await dialects.work()
    waiting = await dialects.enhance()

    async def ids(**params: str) -> list[str]:
        page = (await dialects.http.get("/media/jobs", params=params)).json()
        return [job["job_id"] for job in page["jobs"]]

    assert await ids(status="Pending") == [waiting]
    assert len(await ids(submitted_after="2020-01-01T00:00:00Z")) == 2
    assert await ids(submitted_before="2020-01-01T00:00:00Z") == []
    assert await ids(submitted_before="0001-01-01") == []
    assert (await dialects.http.get("/media/jobs?status=Done")).status_code == 400
    strange = await dialects.http.get("/media/jobs?next_token=abc")
    assert strange.status_code == 400
    assert strange.json()["detail"].startswith("next_token: ")


async def test_a_job_is_cancelled_once_and_a_finished_one_is_not(dialects: DialectHarness) -> None:
    job_id = await dialects.enhance()
    path = "/media/jobs/cancel"
    answer = await dialects.http.post(path, params={"job_id": job_id}, content="{}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    polled = await dialects.http.get("/media/enhance", params={"job_id": job_id})
    assert polled.json()["status"] == "Cancelled"
    done = await dialects.enhance()
    await dialects.work()
    refused = await dialects.http.post(path, params={"job_id": done})
    assert refused.status_code == 400
    assert refused.json()["status"] == 400


async def test_what_a_body_lacks_is_named_in_a_problem(dialects: DialectHarness) -> None:
    for body, named in (({"output": "dlb://a"}, "input"), ({"input": "ftp://a/b"}, "output")):
        answer = await dialects.http.post("/media/enhance", json=body)
        assert answer.status_code == 400
        assert named in answer.json()["detail"]
    odd = await dialects.http.post("/media/enhance", json={"input": 5, "output": "dlb://a"})
    assert odd.json()["detail"].startswith("input: ")
    for long in ("https://a/" + "x" * 9_000, {"url": "https://a/" + "x" * 9_000}):
        answer = await dialects.http.post(
            "/media/enhance", json={"input": long, "output": "dlb://a"}
        )
        assert (answer.status_code, answer.json()["title"]) == (400, "Validation Error")
    ftp = {"input": "ftp://a/b", "output": "dlb://a"}
    assert (await dialects.http.post("/media/enhance", json=ftp)).status_code == 400


async def test_dolby_storage_takes_bytes_and_gives_them_back(dialects: DialectHarness) -> None:
    url = {"url": "dlb://in/film.mp4"}
    place = (await dialects.http.post("/media/input", json=url)).json()["url"]
    put = await dialects.http.put(place, content=b"film", headers={"Authorization": ""})
    assert put.status_code == 200, put.text
    assert await dialects.services.storage.get(dlb_key("acme", url["url"])) == b"film"
    redirect = await dialects.http.get("/media/output", params=url)
    assert redirect.status_code == 302
    assert (await dialects.http.get(redirect.headers["location"])).content == b"film"
    signed = (await dialects.http.post("/media/output", json=url)).json()["url"]
    assert (await dialects.http.get(signed)).content == b"film"


async def test_dolby_storage_is_private_and_keeps_to_its_folder(dialects: DialectHarness) -> None:
    params = {"url": "dlb://in/film.mp4"}
    await dialects.services.storage.put(dlb_key("acme", params["url"]), b"film")
    theirs = await dialects.http.get("/media/output", params=params, headers=dialects.other)
    assert theirs.status_code == 404
    for url in ("dlb://../jobs/x", "dlb://", "s3://bucket/x", ""):
        for answer in (
            await dialects.http.post("/media/input", json={"url": url}),
            await dialects.http.post("/media/output", json={"url": url}),
            await dialects.http.get("/media/output", params={"url": url}),
        ):
            assert (answer.status_code, answer.json()["status"]) == (400, 400), url


async def test_a_transcode_of_many_outputs_is_one_job(dialects: DialectHarness) -> None:
    body = {
        "inputs": [{"source": URL}],
        "outputs": [
            {"destination": "dlb://a.mp4", "kind": "mp4", "video": {"width": 640}},
            {"destination": "dlb://a.png", "kind": "png", "image": {"offset_sec": 1}},
        ],
    }
    job_id = (await dialects.http.post("/media/transcode", json=body)).json()["job_id"]
    assert {await dialects.work(), await dialects.work()} == {"transcode", "image"}
    done = (await dialects.http.get("/media/transcode", params={"job_id": job_id})).json()
    assert (done["status"], done["api_version"]) == ("Success", "v1.7")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_webhooks_are_refused_clearly(dialects: DialectHarness, method: str) -> None:
    answer = await dialects.http.request(method, "/media/webhooks")
    assert answer.status_code == 400
    assert "webhooks" in answer.json()["detail"]
