"""GET, HEAD and PUT of files by signed token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from reelyard.api.http.services import Services
from reelyard.api.http.signing import FileGrant
from reelyard.cluster.storage import Storage, open_url

from .transfer_app import client_on, services_on

BODY = bytes(range(256)) * 8192
KEY = "tenants/t/jobs/j/transcode-1/clip ü.mp4"
GRANT = FileGrant("GET", KEY)


@pytest.fixture(params=["file", "memory"])
async def services(request: pytest.FixtureRequest, tmp_path: Path) -> Services:
    """On stores that can't presign: the bytes come through the server."""
    storage = open_url(tmp_path.as_uri() if request.param == "file" else "memory://")
    await storage.put(KEY, BODY)
    return services_on(storage)


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_on(services) as found:
        yield found


def link(services: Services, grant: FileGrant = GRANT, ttl_s: float = 60) -> str:
    return f"/api/files/{services.signer.sign_file(grant, ttl_s)}"


async def test_a_link_downloads_the_file_with_its_name_and_type(
    services: Services, client: httpx2.AsyncClient
) -> None:
    url = link(services)
    for method in ("GET", "HEAD"):
        answer = await client.request(method, url)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "video/mp4"
        assert answer.headers["content-length"] == str(len(BODY))
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["content-disposition"] == (
            "attachment; filename=\"clip _.mp4\"; filename*=UTF-8''clip%20%C3%BC.mp4"
        )
        assert answer.headers["cache-control"].startswith("private, max-age=")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.content == (BODY if method == "GET" else b"")


async def test_the_grant_decides_name_type_and_disposition(
    services: Services, client: httpx2.AsyncClient
) -> None:
    grant = FileGrant(
        "GET", KEY, "x.bin", "application/x-thing", "inline", cache_control="no-store"
    )
    headers = (await client.get(link(services, grant))).headers
    assert headers["content-disposition"] == 'inline; filename="x.bin"'
    assert headers["content-type"] == "application/x-thing"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=1048570-1048589", 1048570, 1048590),
        ("bytes=2097000-", 2097000, 2097152),
        ("bytes=-5", 2097147, 2097152),
        ("bytes=0-99999999", 0, 2097152),
        ("bytes=-99999999", 0, 2097152),
        ("Bytes = 3-7", 3, 8),
    ],
)
async def test_a_range_is_answered_with_just_those_bytes(
    services: Services, client: httpx2.AsyncClient, asked: str, start: int, end: int
) -> None:
    for method in ("GET", "HEAD"):
        answer = await client.request(method, link(services), headers={"range": asked})
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(BODY)}"
        assert answer.headers["content-length"] == str(end - start)
        assert answer.content == (BODY[start:end] if method == "GET" else b"")


@pytest.mark.parametrize("asked", ["bytes=2097152-", "bytes=9999999-99999999", "bytes=-0"])
async def test_a_range_behind_the_end_is_not_satisfiable(
    services: Services, client: httpx2.AsyncClient, asked: str
) -> None:
    answer = await client.get(link(services), headers={"range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(BODY)}"


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes=٣-٤", ""]
)
async def test_other_range_headers_are_ignored(
    services: Services, client: httpx2.AsyncClient, asked: str
) -> None:
    answer = await client.get(link(services), headers=[(b"range", asked.encode())])
    assert answer.status_code == 200
    assert len(answer.content) == len(BODY)


async def test_if_range_guards_against_a_changed_file(
    services: Services, client: httpx2.AsyncClient
) -> None:
    seen = (await client.head(link(services))).headers
    for validator, code in [
        (seen["etag"], 206),
        (seen["last-modified"], 206),
        (f"W/{seen['etag']}", 200),
        ('"other"', 200),
    ]:
        headers = {"range": "bytes=0-9", "if-range": validator}
        assert (await client.get(link(services), headers=headers)).status_code == code
    await services.storage.put(KEY, BODY + b"!")
    headers = {"range": "bytes=0-9", "if-range": seen["etag"]}
    assert (await client.get(link(services), headers=headers)).status_code == 200


async def test_an_unchanged_file_is_not_sent_again(
    services: Services, client: httpx2.AsyncClient
) -> None:
    etag = (await client.head(link(services))).headers["etag"]
    for sent in (etag, f'"x", W/{etag}', "*"):
        answer = await client.get(link(services), headers={"if-none-match": sent})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    answer = await client.get(link(services), headers={"if-none-match": '"x"'})
    assert answer.status_code == 200


async def test_an_empty_file_is_a_whole_answer(
    services: Services, client: httpx2.AsyncClient
) -> None:
    await services.storage.put("e.bin", b"")
    url = link(services, FileGrant("GET", "e.bin"))
    answer = await client.get(url)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert (await client.get(url, headers={"range": "bytes=0-"})).status_code == 416


async def test_links_that_are_not_good_are_refused(
    services: Services, client: httpx2.AsyncClient
) -> None:
    good = link(services)
    for url, code in [
        (link(services, ttl_s=-1), 410),
        (good[:-1], 403),
        ("/api/files/nonsense", 403),
        (link(services, FileGrant("PUT", KEY)), 403),
        (link(services, FileGrant("GET", "tenants/t/gone")), 404),
    ]:
        answer = await client.get(url)
        assert answer.status_code == code
        assert answer.json()["detail"]
    assert (await client.put(good, content=b"x")).status_code == 403


async def test_a_put_link_takes_a_body_up_to_its_cap(
    services: Services, client: httpx2.AsyncClient
) -> None:
    url = link(services, FileGrant("PUT", "tenants/t/dlb/a.wav", max_bytes=10))

    async def chunked(*chunks: bytes) -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    answer = await client.put(url, content=b"0123456789", headers={"content-type": "audio/wav"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert await services.storage.get("tenants/t/dlb/a.wav") == b"0123456789"
    assert (await client.put(url, content=chunked(b"01", b"2"))).status_code == 200
    assert await services.storage.get("tenants/t/dlb/a.wav") == b"012"
    for body in (bytes(11), chunked(bytes(6), bytes(6))):
        answer = await client.put(url, content=body)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert await services.storage.get("tenants/t/dlb/a.wav") == b"012"


async def test_a_slow_upload_takes_nothing_back_that_a_later_one_was_promised(
    services: Services, client: httpx2.AsyncClient
) -> None:
    url = link(services, FileGrant("PUT", "tenants/t/dlb/c.wav"))
    woken, begun = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"old"
        begun.set()
        await woken.wait()

    first = asyncio.create_task(client.put(url, content=slow()))
    await begun.wait()
    assert (await client.put(url, content=b"newer")).status_code == 200
    woken.set()
    answer = await first
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert await services.storage.get("tenants/t/dlb/c.wav") == b"newer"


async def test_too_long_a_body_is_refused_before_it_is_read(services: Services) -> None:
    url = link(services, FileGrant("PUT", "k", max_bytes=10))

    reads: list[int] = []

    async def watched() -> AsyncIterator[bytes]:
        reads.append(1)
        yield bytes(11)

    async with client_on(services) as client:
        answer = await client.put(url, content=watched(), headers={"content-length": "11"})
    assert answer.status_code == 413
    assert reads == []


async def test_an_object_store_serves_its_files_itself(s3_storage: Storage) -> None:
    await s3_storage.put(KEY, b"0123456789")
    services = services_on(s3_storage)
    async with client_on(services) as client, httpx2.AsyncClient() as anywhere:
        answer = await client.get(link(services))
        assert answer.status_code == 302
        there = answer.headers["location"]
        answer = await anywhere.get(there, headers={"range": "bytes=1-2"})
        assert (answer.status_code, answer.content) == (206, b"12")
        answer = await client.head(link(services))
        assert (answer.status_code, answer.headers["content-length"]) == (200, "10")
        put = link(services, FileGrant("PUT", "tenants/t/dlb/b.wav"))
        assert (await client.put(put, content=b"wav")).status_code == 200
    assert await s3_storage.get("tenants/t/dlb/b.wav") == b"wav"
