"""The tus protocol, as its clients speak it, on two stores and over a real socket."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2
import pytest
import uvicorn

from reelyard.actors.jobs.object_keys import uploads_prefix
from reelyard.api.http.caller import Caller
from reelyard.api.http.services import Services
from reelyard.cluster.errors import InvalidInput, NotReady
from reelyard.cluster.storage import open_url
from reelyard.cluster.storage.uploads import read_upload

from .transfer_app import BASE, app_on, client_on, services_on

TUS = {"tus-resumable": "1.0.0"}
PIECE = TUS | {"content-type": "application/offset+octet-stream"}
DATA = bytes(range(256)) * 4096


@pytest.fixture(params=["file", "s3"])
async def services(request: pytest.FixtureRequest, tmp_path: Path) -> Services:
    if request.param == "s3":
        return services_on(request.getfixturevalue("s3_storage"), max_upload_bytes=len(DATA))
    return services_on(open_url(tmp_path.as_uri()), max_upload_bytes=len(DATA))


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_on(services) as found:
        yield found


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def begin(
    client: httpx2.AsyncClient, length: int = len(DATA), metadata: str | None = None
) -> str:
    told = {} if metadata is None else {"upload-metadata": metadata}
    answer = await client.post("/api/uploads", headers=TUS | {"upload-length": str(length)} | told)
    assert answer.status_code == 201
    location: str = answer.headers["location"]
    return location


async def content(services: Services, url: str, tenant: str = "t") -> bytes:
    prefix = f"{uploads_prefix(tenant)}{url.rsplit('/', 1)[-1]}/"
    found = await read_upload(services.storage, prefix)
    return b"".join([await services.storage.get(part.name) for part in found.parts])


async def test_the_server_tells_what_it_speaks(client: httpx2.AsyncClient) -> None:
    for path in ("/api/uploads", "/api/uploads/", "/api/uploads/any"):
        answer = await client.options(path)
        assert answer.status_code == 204
        assert answer.headers["tus-version"] == "1.0.0"
        assert answer.headers["tus-max-size"] == str(len(DATA))
        assert answer.headers["tus-extension"].split(",") == [
            "creation",
            "creation-with-upload",
            "creation-defer-length",
            "expiration",
            "checksum",
            "termination",
            "concatenation",
        ]
        algorithms = answer.headers["tus-checksum-algorithm"].split(",")
        assert algorithms == ["sha1", "sha256", "sha512", "md5", "crc32"]


async def test_an_upload_in_pieces_becomes_whole(
    client: httpx2.AsyncClient, services: Services
) -> None:
    metadata = f"filename {encoded('clip ü.mp4')},filetype {encoded('video/mp4')},flag"
    url = await begin(client, metadata=metadata)
    assert url.startswith(f"{BASE}/api/uploads/")
    for start in range(0, len(DATA), 300_000):
        piece = DATA[start : start + 300_000]
        answer = await client.patch(
            url, content=piece, headers=PIECE | {"upload-offset": str(start)}
        )
        assert answer.status_code == 204
        assert answer.headers["upload-offset"] == str(start + len(piece))
        assert answer.headers["tus-resumable"] == "1.0.0"
        assert parsedate_to_datetime(answer.headers["upload-expires"]) > datetime.now(UTC)
    answer = await client.head(url, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["upload-offset"] == answer.headers["upload-length"] == str(len(DATA))
    assert answer.headers["upload-metadata"] == metadata
    assert answer.headers["cache-control"] == "no-store"
    assert await content(services, url) == DATA
    upload = await services.uploads.find("t", url.rsplit("/", 1)[-1])
    assert (upload.filename, upload.content_type) == ("clip ü.mp4", "video/mp4")


async def test_another_replica_goes_on_where_one_stopped(
    client: httpx2.AsyncClient, services: Services
) -> None:
    url = await begin(client)
    await client.patch(url, content=DATA[:1000], headers=PIECE | {"upload-offset": "0"})
    async with client_on(services_on(services.storage)) as other:
        offset = int((await other.head(url, headers=TUS)).headers["upload-offset"])
        assert offset == 1000
        headers = PIECE | {"upload-offset": "1000"}
        answer = await other.patch(url, content=DATA[1000:], headers=headers)
        assert answer.status_code == 204
    assert await content(services, url) == DATA


async def test_a_piece_may_come_with_the_creation(
    client: httpx2.AsyncClient, services: Services
) -> None:
    headers = PIECE | {"upload-length": "10"}
    answer = await client.post("/api/uploads", content=b"0123", headers=headers)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "4")
    assert await content(services, answer.headers["location"]) == b"0123"
    answer = await client.post("/api/uploads", content=bytes(11), headers=headers)
    assert answer.status_code == 413


async def test_an_empty_file_is_complete_at_once(client: httpx2.AsyncClient) -> None:
    answer = await client.head(await begin(client, 0), headers=TUS)
    assert (answer.headers["upload-offset"], answer.headers["upload-length"]) == ("0", "0")


async def test_faulty_pieces_are_refused_and_change_nothing(client: httpx2.AsyncClient) -> None:
    url = await begin(client, 10)
    at_0 = PIECE | {"upload-offset": "0"}
    for headers, body, code in [
        (PIECE | {"upload-offset": "4"}, b"x", 409),
        (PIECE, b"x", 400),
        (PIECE | {"upload-offset": "-1"}, b"x", 400),
        (PIECE | {"upload-offset": "1e3"}, b"x", 400),
        (at_0 | {"content-type": "video/mp4"}, b"x", 415),
        (at_0 | {"tus-resumable": "0.2.2"}, b"x", 412),
        (at_0, bytes(11), 413),
        (at_0 | {"x-tenant": "other"}, b"x", 404),
    ]:
        answer = await client.patch(url, content=body, headers=headers)
        assert answer.status_code == code
        assert answer.headers["tus-resumable"] == "1.0.0"
        assert ("tus-version" in answer.headers) == (code == 412)
    assert (await client.head(url, headers=TUS)).headers["upload-offset"] == "0"


async def test_faulty_creations_are_refused(client: httpx2.AsyncClient) -> None:
    for headers, code in [
        ({}, 400),
        ({"upload-length": "-1"}, 400),
        ({"upload-length": "x"}, 400),
        ({"upload-length": "9" * 30}, 400),
        ({"upload-defer-length": "2"}, 400),
        ({"upload-defer-length": "1", "upload-length": "1"}, 400),
        ({"upload-length": "1", "upload-concat": "parts"}, 400),
        ({"upload-concat": "final;"}, 400),
        ({"upload-concat": "final;/api/uploads/x", "upload-length": "1"}, 400),
        ({"upload-concat": "final;/api/uploads/x"}, 404),
        ({"upload-length": str(len(DATA) + 1)}, 413),
        ({"upload-length": "1", "upload-metadata": "filename not-base64!"}, 400),
        ({"upload-length": "1", "upload-metadata": "a YQ==,a YQ=="}, 400),
        ({"upload-length": "1", "tus-resumable": "2.0.0"}, 412),
    ]:
        answer = await client.post("/api/uploads", headers=TUS | headers)
        assert answer.status_code == code, headers


async def test_a_stranger_sees_no_upload(client: httpx2.AsyncClient) -> None:
    url = await begin(client)
    stranger = TUS | {"x-tenant": "other"}
    assert (await client.head(url, headers=stranger)).status_code == 404
    assert (await client.delete(url, headers=stranger)).status_code == 404
    assert (await client.head(url, headers=TUS)).status_code == 200
    for upload_id in ("x", "%2e%2e%5c", "0" * 33):
        answer = await client.head(f"/api/uploads/{upload_id}", headers=TUS)
        assert answer.status_code in (404, 410)


async def test_a_terminated_upload_is_gone(client: httpx2.AsyncClient, services: Services) -> None:
    url = await begin(client)
    await client.patch(url, content=b"x", headers=PIECE | {"upload-offset": "0"})
    assert (await client.delete(url, headers=TUS)).status_code == 204
    assert (await client.head(url, headers=TUS)).status_code == 404
    assert await services.storage.list() == []


async def test_an_expired_upload_says_so(services: Services) -> None:
    short = services_on(services.storage, upload_retention_hours=1e-9)
    async with client_on(short) as client:
        url = await begin(client)
        assert (await client.head(url, headers=TUS)).status_code == 410


async def test_methods_may_be_sent_as_post(client: httpx2.AsyncClient, services: Services) -> None:
    url = await begin(client, 4)
    headers = PIECE | {"upload-offset": "0", "x-http-method-override": "PATCH"}
    assert (await client.post(url, content=b"0123", headers=headers)).status_code == 204
    assert await content(services, url) == b"0123"
    headers = TUS | {"x-http-method-override": "DELETE"}
    assert (await client.post(url, headers=headers)).status_code == 204
    assert (await client.post(url, headers=TUS)).status_code == 400


@pytest.fixture
async def port(services: Services) -> AsyncIterator[int]:
    """A real server on loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app_on(services), log_config=None, lifespan="off", timeout_graceful_shutdown=5
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield int(listener.getsockname()[1])
        server.should_exit = True
        await serving


async def test_a_broken_connection_loses_nothing_that_arrived(
    services: Services, port: int
) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        url = await begin(client)
        writer = await stalled_piece(services, port, url, DATA[:400_000])
        writer.close()
        await writer.wait_closed()
        offset = 0
        while offset == 0:
            await asyncio.sleep(0.02)
            offset = int((await client.head(url, headers=TUS)).headers["upload-offset"])
        # TCP may have lost the tail, never the beginning.
        assert 0 < offset <= 400_000
        rest = PIECE | {"upload-offset": str(offset)}
        answer = await client.patch(url, content=DATA[offset:], headers=rest)
        assert answer.status_code == 204
    assert await content(services, url) == DATA


async def test_a_length_may_be_told_with_a_later_piece(
    client: httpx2.AsyncClient, services: Services
) -> None:
    answer = await client.post("/api/uploads", headers=TUS | {"upload-defer-length": "1"})
    assert answer.status_code == 201
    url = answer.headers["location"]
    answer = await client.patch(url, content=b"0123", headers=PIECE | {"upload-offset": "0"})
    assert answer.status_code == 204
    known = (await client.head(url, headers=TUS)).headers
    assert (known["upload-offset"], known["upload-defer-length"]) == ("4", "1")
    assert "upload-length" not in known
    at_4 = PIECE | {"upload-offset": "4"}
    for wrong, code in (("3", 400), ("x", 400), (str(len(DATA) + 1), 413)):
        answer = await client.patch(url, content=b"", headers=at_4 | {"upload-length": wrong})
        assert answer.status_code == code
    answer = await client.patch(url, content=b"45", headers=at_4 | {"upload-length": "6"})
    assert answer.status_code == 204
    known = (await client.head(url, headers=TUS)).headers
    assert (known["upload-offset"], known["upload-length"]) == ("6", "6")
    assert "upload-defer-length" not in known
    again = PIECE | {"upload-offset": "6", "upload-length": "7"}
    assert (await client.patch(url, content=b"6", headers=again)).status_code == 400
    assert await content(services, url) == b"012345"


def summed(algorithm: str, data: bytes) -> dict[str, str]:
    if algorithm == "crc32":
        digest = zlib.crc32(data).to_bytes(4, "big")
    else:
        digest = hashlib.new(algorithm, data).digest()
    return {"upload-checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}


async def test_a_piece_that_does_not_match_its_checksum_is_discarded(
    client: httpx2.AsyncClient, services: Services
) -> None:
    algorithms = (await client.options("/api/uploads")).headers["tus-checksum-algorithm"].split(",")
    url = await begin(client, 4 * len(algorithms))
    for start, algorithm in zip(range(0, 999, 4), algorithms, strict=False):
        at = PIECE | {"upload-offset": str(start)}
        for told, code in [
            (summed(algorithm, b"abce"), 460),
            ({"upload-checksum": f"{algorithm} ???"}, 400),
            ({"upload-checksum": f"{algorithm} YQ=="}, 400),
            ({"upload-checksum": algorithm}, 400),
            ({"upload-checksum": "sha0 YQ=="}, 400),
        ]:
            answer = await client.patch(url, content=b"abcd", headers=at | told)
            assert (answer.status_code, answer.headers["tus-resumable"]) == (code, "1.0.0")
            known = await client.head(url, headers=TUS)
            assert known.headers["upload-offset"] == str(start)
        told = summed(algorithm, b"abcd")
        assert (await client.patch(url, content=b"abcd", headers=at | told)).status_code == 204
    assert await content(services, url) == b"abcd" * len(algorithms)


async def test_a_creation_whose_piece_does_not_match_leaves_nothing(
    client: httpx2.AsyncClient, services: Services
) -> None:
    headers = PIECE | {"upload-length": "4"}
    answer = await client.post(
        "/api/uploads", content=b"abcd", headers=headers | summed("sha1", b"abce")
    )
    assert answer.status_code == 460
    assert await services.storage.list() == []
    answer = await client.post(
        "/api/uploads", content=b"abcd", headers=headers | summed("sha1", b"abcd")
    )
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "4")
    # A client that sends the header with every request has nothing to check here.
    headers = TUS | {"upload-length": "4"} | summed("sha1", b"abcd")
    assert (await client.post("/api/uploads", headers=headers)).status_code == 201


async def test_partial_uploads_become_one(client: httpx2.AsyncClient, services: Services) -> None:
    urls = []
    for text in (b"hello", b" world"):
        headers = PIECE | {"upload-concat": "partial", "upload-length": str(len(text))}
        answer = await client.post("/api/uploads", content=text, headers=headers)
        assert answer.status_code == 201
        urls.append(answer.headers["location"])
    known = (await client.head(urls[0], headers=TUS)).headers
    assert (known["upload-concat"], known["upload-offset"]) == ("partial", "5")
    concat = f"final;{urls[0]} {urls[1].removeprefix(BASE)}"
    told = TUS | {"upload-concat": concat, "upload-metadata": f"filename {encoded('a.txt')}"}
    answer = await client.post("/api/uploads", headers=told)
    assert answer.status_code == 201
    url = answer.headers["location"]
    known = (await client.head(url, headers=TUS)).headers
    assert known["upload-concat"] == concat
    assert known["upload-offset"] == known["upload-length"] == "11"
    patch = PIECE | {"upload-offset": "11"}
    assert (await client.patch(url, content=b"!", headers=patch)).status_code == 403
    assert (
        await client.post("/api/uploads", content=b"!", headers=PIECE | told)
    ).status_code == 403
    for partial in urls:
        assert (await client.delete(partial, headers=TUS)).status_code == 204
    assert await content(services, url) == b"hello world"
    assert (await services.uploads.find("t", url.rsplit("/", 1)[-1])).filename == "a.txt"


async def test_only_what_is_whole_is_joined(client: httpx2.AsyncClient) -> None:
    part = await client.post(
        "/api/uploads", headers=TUS | {"upload-concat": "partial", "upload-length": "3"}
    )
    for url, code in ((part.headers["location"], 409), (await begin(client, 0), 400)):
        headers = TUS | {"upload-concat": f"final;{url}"}
        assert (await client.post("/api/uploads", headers=headers)).status_code == code
    stranger = TUS | {"upload-concat": f"final;{part.headers['location']}", "x-tenant": "other"}
    assert (await client.post("/api/uploads", headers=stranger)).status_code == 404


async def test_a_partial_or_unfinished_upload_is_no_input(
    client: httpx2.AsyncClient, services: Services
) -> None:
    caller = Caller("t", "key", admin=False)
    for headers, error in [
        (PIECE | {"upload-concat": "partial", "upload-length": "1"}, InvalidInput),
        (PIECE | {"upload-defer-length": "1"}, NotReady),
    ]:
        answer = await client.post("/api/uploads", content=b"0", headers=headers)
        with pytest.raises(error):
            await services.locate_upload(answer.headers["location"].rsplit("/", 1)[-1], caller)


async def test_one_of_several_pieces_at_one_offset_is_acknowledged(
    services: Services, port: int
) -> None:
    """As clients do that gave up too early, four at a time; two servers share the store."""
    other = client_on(services_on(services.storage, max_upload_bytes=len(DATA)))
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client, other:
        for _ in range(10):
            url = await begin(client)
            name = url.rsplit("/", 1)[-1]
            bodies = [bytes([65 + index]) * 200_000 for index in range(4)]
            senders = [client, client, other, other]
            answers = await asyncio.gather(
                *(
                    sender.patch(
                        f"/api/uploads/{name}",
                        content=body,
                        headers=PIECE | {"upload-offset": "0"},
                    )
                    for sender, body in zip(senders, bodies, strict=True)
                )
            )
            codes = [answer.status_code for answer in answers]
            assert sorted(codes) == [204, 409, 409, 409]
            assert await content(services, url) == bodies[codes.index(204)]


@pytest.mark.parametrize("asks_first", [True, False], ids=["asks first", "does not ask"])
async def test_what_was_acknowledged_stays_whatever_a_stalled_request_does(
    services: Services, port: int, asks_first: bool
) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        url = await begin(client)
        writer = await stalled_piece(services, port, url, DATA[:30_000])
        offset = 0
        if asks_first:
            offset = int((await client.head(url, headers=TUS)).headers["upload-offset"])
            assert offset == 30_000
        codes = []
        while offset < len(DATA):
            at = PIECE | {"upload-offset": str(offset)}
            codes.append((await client.patch(url, content=DATA[offset:], headers=at)).status_code)
            offset = int((await client.head(url, headers=TUS)).headers["upload-offset"])
        assert codes == ([204] if asks_first else [409, 204])
        writer.close()
        await writer.wait_closed()
        for _ in range(5):
            await asyncio.sleep(0.02)
            assert (await client.head(url, headers=TUS)).headers["upload-offset"] == str(len(DATA))
    assert await content(services, url) == DATA


async def stalled_piece(
    services: Services, port: int, url: str, data: bytes
) -> asyncio.StreamWriter:
    """A PATCH of all of `DATA` of which only `data` comes, and then nothing."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"PATCH {url.removeprefix(f'http://127.0.0.1:{port}')} HTTP/1.1\r\nhost: x\r\n"
        "tus-resumable: 1.0.0\r\nupload-offset: 0\r\n"
        "content-type: application/offset+octet-stream\r\n"
        f"content-length: {len(DATA)}\r\n\r\n"
    )
    writer.write(head.encode() + data)
    await writer.drain()
    prefix = f"{uploads_prefix('t')}{url.rsplit('/', 1)[-1]}/"
    while not services.uploads._writers.busy(prefix):
        await asyncio.sleep(0.01)
    return writer
