"""OpenAPI is true: routes answer what it says they answer."""

import json
import re
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.unit.api.api_harness import ApiHarness

MISSING = "01a20252-848a-77fe-a44d-2624d7e59562"
JOB = {"operation": "probe", "url": "http://media.test/a.mp4"}


async def schema(harness: ApiHarness) -> dict[str, Any]:
    document: dict[str, Any] = (await harness.get("/openapi.json")).json()
    return document


def check(document: dict[str, Any], route: str, answer: Any) -> None:
    """The answer is documented for its route, and has the documented shape."""
    operation = document["paths"][route][answer.request.method.lower()]
    documented = operation["responses"]
    status = str(answer.status_code)
    assert status in documented or not answer.is_success, (route, status, answer.text)
    if route.startswith("/v1") and not route.startswith("/v1/auth"):
        assert status in documented, (route, status, answer.text)
    content = documented.get(status, documented["default"]).get("content", {})
    if "application/json" in content and answer.content:
        whole = content["application/json"]["schema"] | {"components": document["components"]}
        jsonschema.validate(answer.json(), whole)


async def test_every_v1_route_answers_as_documented(harness: ApiHarness) -> None:
    document = await schema(harness)
    done = await harness.submit()
    await harness.run(done, format="mp4")
    failed = await harness.submit()
    lease = await harness.lease()
    await harness.progress(lease, 10)
    await harness.fail(lease)
    again = {"Idempotency-Key": "k"}
    calls: list[tuple[str, str, str, Any]] = [
        ("GET", "/v1/jobs/{job_id}", f"/v1/jobs/{done}", None),
        ("GET", "/v1/jobs/{job_id}", f"/v1/jobs/{failed}", None),
        ("GET", "/v1/jobs/{job_id}", f"/v1/jobs/{MISSING}", None),
        ("GET", "/v1/jobs/{job_id}", f"/v1/jobs/{done}?wait=x", None),
        ("GET", "/v1/jobs/{job_id}/events", f"/v1/jobs/{done}/events", None),
        ("GET", "/v1/jobs/{job_id}/events", f"/v1/jobs/{MISSING}/events", None),
        ("POST", "/v1/jobs/{job_id}/retry", f"/v1/jobs/{failed}/retry", None),
        ("POST", "/v1/jobs/{job_id}/retry", f"/v1/jobs/{done}/retry", None),
        ("POST", "/v1/jobs/{job_id}/cancel", f"/v1/jobs/{failed}/cancel", None),
        ("POST", "/v1/jobs/{job_id}/cancel", f"/v1/jobs/{MISSING}/cancel", None),
        ("DELETE", "/v1/jobs/{job_id}", f"/v1/jobs/{done}", None),
        ("GET", "/v1/jobs", "/v1/jobs?limit=1", None),
        ("GET", "/v1/jobs", "/v1/jobs?limit=x", None),
        ("GET", "/v1/jobs", "/v1/jobs?cursor=x", None),
        ("POST", "/v1/jobs", "/v1/jobs", JOB),
        ("POST", "/v1/jobs", "/v1/jobs", JOB | {"url": "x:y"}),
        ("POST", "/v1/jobs", "/v1/jobs", {}),
        ("POST", "/v1/jobs:batch", "/v1/jobs:batch", {"jobs": [JOB, {}]}),
        ("POST", "/v1/jobs:batchGet", "/v1/jobs:batchGet", {"job_ids": [done, "x"]}),
        ("GET", "/v1/operations", "/v1/operations", None),
        ("GET", "/v1/operations/{name}", "/v1/operations/probe", None),
        ("GET", "/v1/operations/{name}", "/v1/operations/x", None),
        ("POST", "/v1/uploads", "/v1/uploads", {"size": 1}),
        ("POST", "/v1/uploads", "/v1/uploads", {}),
        ("GET", "/v1/usage", "/v1/usage", None),
        (
            "POST",
            "/v1/preview",
            "/v1/preview",
            {"url": "http://media.test/a", "preview_type": "gif"},
        ),
        ("GET", "/v1/info", "/v1/info?url=x", None),
        ("GET", "/v1/admin/overview", "/v1/admin/overview", None),
        ("POST", "/v1/admin/pools/{pool}/pause", "/v1/admin/pools/cpu/pause", None),
        ("POST", "/v1/admin/pools/{pool}/pause", "/v1/admin/pools/x/pause", None),
        ("POST", "/v1/admin/pools/{pool}/resume", "/v1/admin/pools/cpu/resume", None),
        ("POST", "/v1/admin/pools/{pool}/drain", "/v1/admin/pools/cpu/drain", None),
        (
            "POST",
            "/v1/admin/tenants/{tenant}/credits",
            "/v1/admin/tenants/t/credits",
            {"credits": 1},
        ),
        ("GET", "/livez", "/livez", None),
        ("GET", "/healthz", "/healthz", None),
        ("GET", "/metrics", "/metrics", None),
        ("POST", "/v1/admin/keys", "/v1/admin/keys", {"admin": True}),
        ("GET", "/v1/admin/keys", "/v1/admin/keys", None),
        ("POST", "/v1/admin/keys/{key_id}/rotate", "/v1/admin/keys/nope/rotate", {}),
    ]
    for method, route, path, body in calls:
        answer = await harness.call(method, path, json=body, headers=again if path == "x" else {})
        if route == "/v1/admin/keys" and method == "POST":
            harness.use(answer.json()["key"])
        check(document, route, answer)
    revoked = await harness.call("DELETE", "/v1/admin/keys/nope")
    check(document, "/v1/admin/keys/{key_id}", revoked)
    documented = {
        (method.upper(), route)
        for route, methods in document["paths"].items()
        for method in methods
        if route.startswith(("/v1", "/livez", "/healthz", "/metrics"))
        and not route.startswith("/v1/auth")
    }
    tried = {(method, route) for method, route, _, _ in calls}
    assert documented - tried == {("DELETE", "/v1/admin/keys/{key_id}")}


FORM = {"media": ("clip.mp4", b"12345", "video/mp4")}


async def test_whatever_is_refused_is_refused_as_documented(harness: ApiHarness) -> None:
    described = await schema(harness)
    await harness.key("t")
    for key in (None, await harness.key("u")):
        harness.use(key)
        for route, methods in described["paths"].items():
            for method in methods:
                path = re.sub(r"{\w+}", "nope", route)
                body: dict[str, Any] = {"json": {"no": "such"}} if method == "post" else {}
                check(described, route, await harness.call(method.upper(), path, **body))
    assert "HTTPValidationError" not in json.dumps(described)


async def test_bytes_are_answered_as_documented(harness: ApiHarness) -> None:
    described = await schema(harness)
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "5"}
    made = await harness.call("POST", "/api/uploads", headers=tus)
    check(described, "/api/uploads", made)
    check(described, "/api/uploads", await harness.call("POST", "/api/uploads", files=FORM))
    place = made.headers["location"].removeprefix(str(harness.http.base_url))
    piece = tus | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    check(
        described,
        "/api/uploads/{upload_id}",
        await harness.call("PATCH", place, content=b"12345", headers=piece),
    )
    check(described, "/api/media/jobs", await harness.call("POST", "/api/media/jobs", files=FORM))
    job_id = await harness.submit()
    while (lease := await harness.lease()).job_id != job_id:
        pass
    await harness.finish(lease)
    url = (await harness.get(f"/v1/jobs/{job_id}")).json()["download_url"]
    for headers in ({}, {"Range": "bytes=0-1"}, {"Range": "bytes=99-"}, {"If-None-Match": "*"}):
        check(described, "/api/files/{token}", await harness.get(url, headers=headers))


async def test_every_answer_of_the_other_dialects_has_a_shape_and_that_shape(
    harness: ApiHarness,
) -> None:
    described = await schema(harness)
    streams = [
        {"kind": "video", "codec": "h264", "fps": 25.0, "display_width": 64, "display_height": 48},
        {"kind": "audio", "codec": "aac", "channels": 2, "sample_rate": 48000, "bit_rate": 9},
    ]
    done = await harness.submit()
    await harness.run(done, format="mov,mp4", duration_s=2.5, size=9, streams=streams)
    failed = await harness.submit()
    await harness.fail(await harness.lease())
    waiting = (await harness.post("/jobs", {"kind": "video", "input": JOB["url"]})).json()["id"]
    media = (await harness.call("POST", "/api/media/jobs", files=FORM)).json()["jobId"]
    task = (await harness.get(f"/jobs/{waiting}")).json()["tasks"][0]["id"]
    enhance = {"input": "dlb://a.wav", "output": "dlb://b.wav"}
    outputs = [{"kind": "mp4", "destination": "dlb://b.mp4"}]
    transcode = {"inputs": [{"source": "dlb://a.mp4"}], "outputs": outputs}
    started = [
        (await harness.post(path, body)).json()["job_id"]
        for path, body in (("/media/enhance", enhance), ("/media/transcode", transcode))
    ]
    stored = {"url": "dlb://in/clip.mp4"}
    put = (await harness.post("/media/input", stored)).json()["url"]
    await harness.call("PUT", put, content=b"12345")
    key = await harness.key("t")
    token = {"json": {"app_key": key, "app_secret": key}}
    named = {"app_key": key, "app_secret": key}
    dolby, form = "/media", {"files": FORM}
    calls: list[tuple[str, str, str, dict[str, Any]]] = [
        ("POST", "/v1/auth/token", "/v1/auth/token", token | {"params": named}),
        ("POST", f"{dolby}/enhance", f"{dolby}/enhance", {"json": enhance}),
        ("POST", f"{dolby}/transcode", f"{dolby}/transcode", {"json": transcode}),
        ("GET", f"{dolby}/enhance", f"{dolby}/enhance?job_id={started[0]}", {}),
        ("GET", f"{dolby}/transcode", f"{dolby}/transcode?job_id={started[1]}", {}),
        ("GET", f"{dolby}/diagnose", f"{dolby}/diagnose?job_id={done}", {}),
        ("GET", f"{dolby}/diagnose", f"{dolby}/diagnose?job_id={failed}", {}),
        ("GET", f"{dolby}/jobs", f"{dolby}/jobs", {}),
        ("POST", f"{dolby}/jobs/cancel", f"{dolby}/jobs/cancel?job_id={started[1]}", {}),
        ("POST", f"{dolby}/input", f"{dolby}/input", {"json": stored}),
        ("POST", f"{dolby}/output", f"{dolby}/output", {"json": stored}),
        ("GET", f"{dolby}/output", f"{dolby}/output?url={stored['url']}", {}),
        ("GET", "/api/health", "/api/health", {}),
        ("GET", "/api/usage", "/api/usage", {}),
        ("GET", "/api/media/presets", "/api/media/presets", {}),
        ("GET", "/api/media/limits", "/api/media/limits", {}),
        ("POST", "/api/media/jobs", "/api/media/jobs", form),
        ("GET", "/api/media/jobs/{job_id}", f"/api/media/jobs/{media}", {}),
        ("GET", "/api/media/jobs/{job_id}", f"/api/media/jobs/{done}", {}),
        ("GET", "/api/media/jobs/{job_id}", f"/api/media/jobs/{failed}", {}),
        ("POST", "/jobs", "/jobs", {"json": {"kind": "image", "input": JOB["url"]}}),
        ("GET", "/jobs", "/jobs", {}),
        ("GET", "/jobs/{job_id}", f"/jobs/{done}", {}),
        ("POST", "/tasks", "/tasks", {"json": {"kind": "probe", "input": JOB["url"]}}),
        ("GET", "/tasks", "/tasks", {}),
        ("GET", "/tasks/{task_id}", f"/tasks/{task}", {}),
    ]
    harness.use(await harness.key("default", admin=True))
    for method, route, path, sent in calls:
        answer = await harness.call(method, path, **sent)
        assert answer.status_code < 400, (route, answer.text)
        check(described, route, answer)
    bytes_alone = {"pipelynDownload", "pipelynOptimize"}
    named_calls = {(method.lower(), route) for method, route, _, _ in calls}
    for route, methods in described["paths"].items():
        for method, entry in methods.items():
            if not {"dolby", "pipelyn", "ittybit"} & set(entry["tags"]):
                continue
            assert (method, route) in named_calls or entry["operationId"] in bytes_alone
            for status, told in entry["responses"].items():
                for content in told.get("content", {}).values():
                    free = {"type": "object"}.items() <= content["schema"].items()
                    assert status != "200" or "properties" in content["schema"] or not free


async def test_every_route_documents_what_a_stranger_gets(harness: ApiHarness) -> None:
    document = await schema(harness)
    await harness.key("t")
    for route, methods in document["paths"].items():
        if not route.startswith("/v1") or route.startswith("/v1/auth"):
            continue
        for method in methods:
            path = route.replace("{job_id}", MISSING).replace("{name}", "probe")
            path = path.replace("{pool}", "cpu").replace("{tenant}", "t").replace("{key_id}", "k")
            answer = await harness.call(method.upper(), path, json={} if method == "post" else None)
            assert answer.status_code == 401, (method, route, answer.text)
            check(document, route, answer)


async def test_the_document_names_both_ways_to_send_a_key(harness: ApiHarness) -> None:
    document = await schema(harness)
    schemes = document["components"]["securitySchemes"].values()
    assert {scheme["type"] for scheme in schemes} == {"http", "apiKey"}
    jsonschema.Draft202012Validator.check_schema(document["components"]["schemas"])


async def test_the_document_is_valid_and_of_the_whole_server(harness: ApiHarness) -> None:
    document = await schema(harness)
    OpenAPIV31SpecValidator(document).validate()
    paths = set(document["paths"])
    assert {"/v1/jobs", "/media/enhance", "/api/media/jobs", "/tasks", "/api/uploads"} <= paths
    for old in ("/api/openapi.json", "/api/docs", "/api/redoc"):
        answer = await harness.get(old)
        assert (answer.status_code, answer.headers["location"]) == (307, old.removeprefix("/api"))


def entries(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for methods in document["paths"].values() for entry in methods.values()]


async def test_every_call_has_a_name_that_stays_a_description_and_a_known_tag(
    harness: ApiHarness,
) -> None:
    document = await schema(harness)
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    names = [entry["operationId"] for entry in entries(document)]
    assert len(set(names)) == len(names)
    assert set(NAMES.split()) <= set(names)
    for entry in entries(document):
        assert entry["summary"], entry
        assert entry["description"], entry
        assert set(entry["tags"]) <= tags, entry
        for parameter in entry.get("parameters", []):
            assert parameter["description"], (entry["operationId"], parameter["name"])


NAMES = """
cancelJob createJob createJobs createKey createPreview createUpload deleteJob drainPool getInfo
getJob getJobs getOperation getOverview getUsage grantCredits healthz listJobs listKeys
listOperations livez metrics pausePool resumePool retryJob revokeKey streamJob
dolbyCancel dolbyGetDiagnose dolbyGetEnhance dolbyGetTranscode dolbyListJobs dolbyStartEnhance
dolbyStartTranscode dolbyToken ittybitCreateJob ittybitCreateTask ittybitGetJob ittybitGetTask
ittybitListJobs ittybitListTasks pipelynDownload pipelynGetJob pipelynOptimize pipelynSubmitJob
"""


async def test_the_parameters_of_each_operation_are_chosen_by_its_name(
    harness: ApiHarness,
) -> None:
    document = await schema(harness)
    schemas = document["components"]["schemas"]
    for name, kind in (("OneOperationJob", "Job"), ("OneOperationBatchItem", "BatchItem")):
        choice = schemas[name]["discriminator"]
        assert choice["propertyName"] == "operation"
        assert choice["mapping"]["preview"].endswith(f"/Preview{kind}")
    assert "preview" in schemas["TaskBody"]["discriminator"]["mapping"]
    preview = schemas["PreviewJob"]
    assert preview["properties"]["operation"]["const"] == "preview"
    # What has a default may be left out; what has none, if only in the parameters, may not.
    assert preview["required"] == ["operation", "params"]
    assert schemas["TranscodeJob"]["required"] == ["operation"]
    assert schemas["PreviewParams"]["required"] == ["preview_type"]
    assert schemas["PreviewParams"]["properties"]["width"]["maximum"] == 3840
    assert "default 480" in schemas["PreviewParams"]["properties"]["width"]["description"]


async def test_the_body_that_the_document_describes_is_the_one_that_is_taken(
    harness: ApiHarness,
) -> None:
    document = await schema(harness)
    job_body = document["components"]["schemas"]["JobBody"] | {"components": document["components"]}
    where = {"url": "http://media.test/a.mp4"}
    for body, good in (
        (JOB, True),
        ({"operation": "transcode", "params": {"height": 720}} | where, True),
        ({"operation": "transcode", "params": {"heigth": 720}} | where, False),
        ({"operation": "preview"} | where, False),
        ({"operation": "nope"} | where, False),
        ({"tasks": [{"name": "look", "operation": "probe"}]} | where, True),
        ({"tasks": [{"name": "look", "operation": "nope"}]} | where, False),
        (where, False),
    ):
        assert jsonschema.Draft202012Validator(job_body).is_valid(body) == good, body
        assert ((await harness.post("/v1/jobs", body)).status_code == 202) == good, body


async def test_every_example_of_the_document_can_be_sent_as_it_stands(
    harness: ApiHarness,
) -> None:
    document = await schema(harness)
    harness.use(await harness.key("t", admin=True))
    (key,) = await harness.services.registry.accounts.all_keys()
    sent = 0
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            content = entry.get("requestBody", {}).get("content", {}).get("application/json", {})
            for name, example in content.get("examples", {}).items():
                body, route = example["value"], path.replace("{tenant}", "acme")
                route = route.replace("{key_id}", key.key_id)
                if name == "export":
                    body = body | {"output": "https://example.com/put-it-here"}
                answer = await harness.call(method.upper(), route, json=body)
                assert answer.is_success, (entry["operationId"], answer.text)
                sent += 1
    assert sent >= 15
    # And every call that takes JSON has one, but for one that speaks of what is not there yet.
    bare = [
        entry["operationId"]
        for entry in entries(document)
        if "examples"
        not in entry.get("requestBody", {})
        .get("content", {})
        .get("application/json", {"examples": {}})
    ]
    assert bare == ["dolbyStartOutput"]


async def test_no_two_models_have_one_name_or_tell_where_the_code_lies(
    harness: ApiHarness,
) -> None:
    names = list((await schema(harness))["components"]["schemas"])
    # FastAPI puts the module before the names of models that have the same one.
    assert [name for name in names if not name.isalnum()] == []
    assert len({name.lower() for name in names}) == len(names)


async def test_a_browser_that_is_given_the_bare_address_finds_the_reference(
    harness: ApiHarness,
) -> None:
    answer = await harness.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_pages_to_read_load_nothing_from_elsewhere(
    harness: ApiHarness, path: str
) -> None:
    page = await harness.get(path)
    assert "text/html" in page.headers["content-type"]
    parts = re.findall(r"""(?:src|href|url|spec-url)(?:=|: )["']([^"']+)""", page.text)
    assert len(parts) >= 3
    for part in parts:
        assert part.startswith("/"), part
        found = await harness.get(part)
        assert found.status_code == 200, part
        assert "cdn." not in found.text, part
    # A browser loads nothing from elsewhere even if a script asks for it.
    policy = dict(
        rule.split(" ", 1) for rule in page.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == policy["connect-src"] == "'self'"
    assert not any("http" in sources or "*" in sources for sources in policy.values())
    assert '"validatorUrl": null' in page.text or path == "/redoc"
