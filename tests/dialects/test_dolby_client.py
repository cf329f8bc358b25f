"""The published client of Dolby.io, unchanged but for its base URL."""

from __future__ import annotations

import contextlib
import json
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from dolbyio_rest_apis.core import urls
from dolbyio_rest_apis.core.http_request_error import HttpRequestError
from dolbyio_rest_apis.media import authentication, enhance, io, jobs

from tests.dialects.fixture_types import Json, Poll
from tests.live_server import LiveServer

# The client's own calls, under today's aiohttp.
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]


def _returns(text: str) -> types.CodeType:
    code: types.CodeType = eval(f"lambda: {text!r}").__code__
    return code


@pytest.fixture(scope="module")
def client_points_here(server: LiveServer) -> Iterator[None]:
    """The client has no setting for its host, and its modules import the functions by name."""
    before = urls.get_mapi_url.__code__, urls.get_api_url.__code__
    urls.get_mapi_url.__code__ = _returns(server.url)
    urls.get_api_url.__code__ = _returns(f"{server.url}/v1")
    yield
    urls.get_mapi_url.__code__, urls.get_api_url.__code__ = before


@pytest.mark.usefixtures("client_points_here")
async def test_the_client_uploads_enhances_lists_and_downloads(
    api_key: Json, media: Path, tmp_path: Path, poll: Poll
) -> None:
    token = await authentication.get_api_token(api_key["key_id"], api_key["key"], expires_in=600)
    assert (token.token_type, token.expires_in_val) == ("Bearer", 600)
    access = token.access_token

    place = await io.get_upload_url(access, "dlb://client/talk.wav")
    await io.upload_file(place, str(media / "talk.wav"))
    body = {
        "input": "dlb://client/talk.wav",
        "output": "dlb://client/clean.wav",
        "content": {"type": "voice_recording"},
    }
    job_id = await enhance.start(access, json.dumps(body))

    result = await enhance.get_results(access, job_id)
    while result.status in ("Pending", "Running"):
        result = await enhance.get_results(access, job_id)
    assert (result.status, result.path, result.progress) == ("Success", "/media/enhance", 100)
    assert not hasattr(result, "error")

    page = await jobs.list_jobs(access, status="Success", submitted_after="2020-01-01T00:00:00Z")
    assert job_id in [job.job_id for job in page.jobs]
    assert page.count == len(page.jobs)

    file = tmp_path / "clean.wav"
    await io.download_file(access, "dlb://client/clean.wav", str(file))
    assert file.read_bytes()[:4] == b"RIFF"


@pytest.mark.usefixtures("client_points_here")
async def test_the_client_understands_refusals(api_token: str) -> None:
    with pytest.raises(HttpRequestError) as missing:
        await enhance.get_results(api_token, "0198c0de-0000-7000-8000-000000000000")
    assert (missing.value.error_code, missing.value.error_reason) == (404, "Not Found")
    with pytest.raises(HttpRequestError) as wrong:
        await enhance.start(api_token, json.dumps({"input": "dlb://a.wav"}))
    assert wrong.value.error_code == 400
    assert "output" in wrong.value.error_description
    with pytest.raises(HttpRequestError) as stranger:
        await jobs.list_jobs("a.b.c")
    assert stranger.value.error_code == 401


@pytest.mark.usefixtures("client_points_here")
async def test_the_client_cancels(api_token: str, media_url: str) -> None:
    body = {"input": "https://example.invalid/a.wav", "output": "dlb://client/never.wav"}
    job_id = await enhance.start(api_token, json.dumps(body))
    # Its input can't be had, so it may have failed already.
    with contextlib.suppress(HttpRequestError):
        await jobs.cancel(api_token, job_id)
    result = await enhance.get_results(api_token, job_id)
    assert result.status in ("Cancelled", "Failed")
