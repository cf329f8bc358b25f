"""Published tus clients against a running server: tus-js-client and tuspy."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import random
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from tusclient.client import TusClient
from tusclient.exceptions import TusUploadFailed

from reelyard.actors.jobs.object_keys import uploads_prefix
from reelyard.api.client.http_transport import HttpTransport
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import open_storage
from reelyard.cluster.storage.uploads import read_upload
from tests.dialects.fixture_types import Headers, Json, Poll
from tests.live_server import LiveServer
from tests.node_tools import FOLDER, install_packages, run_node

DATA = random.Random(3).randbytes(3_000_000)
CHUNK = 1 << 20


@pytest.fixture(scope="module", autouse=True)
def node_packages() -> None:
    install_packages()


@pytest.fixture(scope="module")
def endpoint(server: LiveServer) -> str:
    return f"{server.url}/api/uploads"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("tus") / "ünïcode clip.bin"
    found.write_bytes(DATA)
    return found


@pytest.fixture
async def content(server: LiveServer) -> Any:
    """The bytes of an upload, as a worker would read them."""
    storage = open_storage(Settings(data_dir=server.data_dir))

    async def read(url: str) -> bytes:
        prefix = f"{uploads_prefix('acme')}{url.rsplit('/', 1)[-1]}/"
        found = await read_upload(storage, prefix)
        assert found.size == found.length
        return b"".join([await storage.get(part.name) for part in found.parts])

    return read


def upload(endpoint: str, api_key: Json, path: Path, **options: Any) -> Json:
    """What became of an upload with tus-js-client."""
    script = str(FOLDER / "tus_upload.mjs")
    text = run_node(script, endpoint, api_key["key"], str(path), json.dumps(options))
    found: Json = json.loads(text)
    assert found.get("error") is None, found
    return found


def sha1(data: bytes) -> str:
    return f"sha1 {base64.b64encode(hashlib.sha1(data).digest()).decode()}"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="plain"),
        pytest.param({"chunkSize": CHUNK}, id="in chunks"),
        pytest.param({"uploadDataDuringCreation": True}, id="creation with upload"),
        pytest.param(
            {"stream": True, "uploadLengthDeferred": True, "chunkSize": CHUNK}, id="deferred length"
        ),
        pytest.param({"parallelUploads": 2}, id="parallel"),
        pytest.param({"headers": {"Upload-Checksum": sha1(DATA)}}, id="checksum"),
        pytest.param({"overridePatchMethod": True}, id="POST for PATCH"),
    ],
)
async def test_tus_js_client_uploads(
    endpoint: str, api_key: Json, path: Path, content: Any, options: Json
) -> None:
    found = upload(endpoint, api_key, path, **options)
    assert await content(found["url"]) == DATA
    assert all(200 <= status < 300 for _, status, _ in found["requests"])


async def test_tus_js_client_goes_on_after_a_reload(
    endpoint: str, api_key: Json, path: Path, content: Any, tmp_path: Path
) -> None:
    options = {"storage": str(tmp_path / "urls.json"), "chunkSize": CHUNK}
    first = upload(endpoint, api_key, path, stop_at=CHUNK, **options)
    second = upload(endpoint, api_key, path, **options)
    assert second["url"] == first["url"]
    assert [method for method, _, _ in second["requests"]] == ["HEAD", "PATCH", "PATCH"]
    assert await content(second["url"]) == DATA


def test_tus_js_client_hears_of_a_wrong_checksum(
    endpoint: str, api_key: Json, path: Path, bearer: Headers
) -> None:
    script = str(FOLDER / "tus_upload.mjs")
    wrong = json.dumps({"headers": {"Upload-Checksum": sha1(b"other")}})
    found = json.loads(run_node(script, endpoint, api_key["key"], str(path), wrong))
    assert [status for _, status, _ in found["requests"]] == [201, 460]
    known = requests.head(found["url"], headers=bearer | {"Tus-Resumable": "1.0.0"}, timeout=30)
    assert known.headers["Upload-Offset"] == "0"


async def test_tuspy_uploads_with_checksums_and_goes_on(
    endpoint: str, bearer: Headers, content: Any
) -> None:
    client = TusClient(endpoint, headers=bearer)
    options = {"chunk_size": CHUNK, "upload_checksum": True, "metadata": {"filename": "a ü.bin"}}
    first = client.uploader(file_stream=io.BytesIO(DATA), **options)
    first.upload(stop_at=CHUNK)
    second = client.uploader(file_stream=io.BytesIO(DATA), url=first.url, **options)
    assert second.offset == CHUNK
    second.upload()
    assert await content(second.url) == DATA


def test_tuspy_hears_that_it_is_late(endpoint: str, bearer: Headers) -> None:
    client = TusClient(endpoint, headers=bearer)
    one = client.uploader(file_stream=io.BytesIO(DATA), chunk_size=CHUNK)
    one.upload_chunk()
    two = client.uploader(file_stream=io.BytesIO(DATA), chunk_size=CHUNK, url=one.url)
    two.offset = 0
    with pytest.raises(TusUploadFailed) as caught:
        two.upload_chunk()
    assert caught.value.status_code == 409


async def test_clients_of_ours_that_send_one_file_at_once_with_one_key_both_succeed(
    server: LiveServer, api_key: Json, tmp_path: Path, content: Any
) -> None:
    path = tmp_path / "long.bin"
    path.write_bytes(DATA * 6)
    clients = [HttpTransport(server.url, api_key["key"]) for _ in range(2)]
    # Both find the upload begun: its creation is answered to one request at a time.
    await clients[0]._create_upload(path, path.stat(), "the same")
    one, two = await asyncio.gather(*(client.upload(path, "the same") for client in clients))
    assert one == two
    upload_id = one.removeprefix("upload:").partition("/")[0]
    assert await content(upload_id) == DATA * 6
    for client in clients:
        await client.close()


def test_what_a_client_uploaded_in_parallel_is_an_input(
    server: LiveServer, endpoint: str, api_key: Json, bearer: Headers, media: Path, poll: Poll
) -> None:
    found = upload(endpoint, api_key, media / "clip.mp4", parallelUploads=3)
    assert [concat for _, _, concat in found["requests"] if concat][:3] == ["partial"] * 3
    body = {"operation": "probe", "upload_id": found["url"].rsplit("/", 1)[-1]}
    answer = requests.post(f"{server.url}/v1/jobs", json=body, headers=bearer, timeout=30)
    assert answer.status_code == 202, answer.text
    where = f"{server.url}/v1/jobs/{answer.json()['job_id']}"
    done = poll(lambda: requests.get(where, headers=bearer, timeout=30).json(), {"completed"})
    assert done["status"] == "completed"


def test_four_requests_at_one_offset_get_one_204(
    endpoint: str, bearer: Headers, server: LiveServer
) -> None:
    tus = bearer | {"Tus-Resumable": "1.0.0"}
    piece = tus | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    for _ in range(10):
        begun = requests.post(endpoint, headers=tus | {"Upload-Length": "400000"}, timeout=30)
        url = begun.headers["Location"]

        def send(fill: int, url: str = url) -> int:
            data = bytes([fill]) * 200_000
            return requests.patch(url, data=data, headers=piece, timeout=30).status_code

        with ThreadPoolExecutor(4) as threads:
            codes = list(threads.map(send, range(4)))
        assert sorted(codes) == [204, 409, 409, 409]
        assert requests.head(url, headers=tus, timeout=30).headers["Upload-Offset"] == "200000"


async def test_a_stalled_request_rolls_nothing_back(
    endpoint: str, bearer: Headers, content: Any
) -> None:
    tus = bearer | {"Tus-Resumable": "1.0.0"}
    begun = requests.post(endpoint, headers=tus | {"Upload-Length": str(len(DATA))}, timeout=30)
    url = begun.headers["Location"]
    place = urlsplit(url)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port or 80)) as stalled:
        lines = [f"PATCH {place.path} HTTP/1.1", f"Host: {place.netloc}", "Upload-Offset: 0"]
        lines += [f"{name}: {value}" for name, value in tus.items()]
        lines += ["Content-Type: application/offset+octet-stream", f"Content-Length: {len(DATA)}"]
        stalled.sendall("\r\n".join([*lines, "", ""]).encode() + DATA[:30_000])
        known = 0
        while known < len(DATA):
            answer = requests.head(url, headers=tus, timeout=30)
            known = int(answer.headers["Upload-Offset"])
            requests.patch(
                url,
                data=DATA[known:],
                headers=tus
                | {
                    "Upload-Offset": str(known),
                    "Content-Type": "application/offset+octet-stream",
                },
                timeout=30,
            )
    for _ in range(3):
        assert requests.head(url, headers=tus, timeout=30).headers["Upload-Offset"] == str(
            len(DATA)
        )
    assert await content(url) == DATA
