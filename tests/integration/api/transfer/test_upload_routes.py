"""The tus protocol, as its clients speak it, on two stores and over a real socket."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from reelyard.api.http.services import Services

from .transfer_app import BASE, client_on, services_on
from .tus_calls import DATA, PIECE, TUS, begin, content, encoded, stalled_piece


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
