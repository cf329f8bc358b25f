"""The extensions of tus, and several requests at one upload."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import zlib

import httpx2
import pytest

from reelyard.api.http.caller import Caller
from reelyard.api.http.services import Services
from reelyard.cluster.errors import InvalidInput, NotReady

from .transfer_app import BASE, client_on, services_on
from .tus_calls import DATA, PIECE, TUS, begin, content, encoded, stalled_piece


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
