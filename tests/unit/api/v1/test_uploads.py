"""`POST /v1/uploads`: begun here, sent below `/api`."""

from tests.unit.api.api_harness import ApiHarness, MakeHarness


async def test_an_upload_begun_here_is_sent_there_and_used_in_a_job(harness: ApiHarness) -> None:
    made = await harness.post("/v1/uploads", {"filename": "clip.mp4", "size": 5})
    assert made.status_code == 201
    upload = made.json()
    body = {"operation": "probe", "upload_id": upload["upload_id"]}
    early = await harness.post("/v1/jobs", body)
    assert (early.status_code, early.json()["code"]) == (409, "not_ready")
    sent = await harness.call(
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
    assert (await harness.post("/v1/jobs", body)).status_code == 202
    assert (
        await harness.post("/v1/jobs", {"operation": "probe", "input": upload["input"]})
    ).is_success
    job = (await harness.get("/v1/jobs")).json()["items"][0]
    assert job["source_url"] == upload["input"]


async def test_a_form_is_sent_on_to_where_bytes_are_taken(harness: ApiHarness) -> None:
    files = {"file": ("clip.mp4", b"12345", "video/mp4")}
    answer = await harness.call("POST", "/v1/uploads", files=files)
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/uploads")
    followed = await harness.call("POST", "/v1/uploads", files=files, follow_redirects=True)
    assert followed.status_code == 201, followed.text
    upload_id = followed.json()["upload_id"]
    job = await harness.post("/v1/jobs", {"operation": "probe", "upload_id": upload_id})
    assert job.status_code == 202, job.text


async def test_a_form_larger_than_a_json_body_may_be_is_sent_on_too(
    make_harness: MakeHarness,
) -> None:
    harness = await make_harness(max_json_bytes=1000)
    files = {"file": ("clip.mp4", b"x" * 2000, "video/mp4")}
    assert (await harness.call("POST", "/v1/uploads", files=files)).status_code == 307
    text = b'{"size": 5, "filename": "' + b"x" * 2000 + b'"}'
    for kind in ("application/json", "multipart/form-data; boundary=x"):
        path = "/v1/uploads" if kind == "application/json" else "/v1/jobs"
        answer = await harness.call("POST", path, content=text, headers={"content-type": kind})
        assert answer.status_code == 413
