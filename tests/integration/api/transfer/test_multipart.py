"""Uploads in one request: forms and bare bytes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterable, AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from reelyard.api.http.services import Services
from reelyard.api.transfer.multipart import FormFile, receive_form
from reelyard.cluster.errors import InvalidInput, StorageFull, TooLarge, UnsupportedType
from reelyard.cluster.storage import open_url
from reelyard.cluster.storage.uploads import read_upload

from .transfer_app import client_on, services_on

BOUNDARY = "xYzZY"


@pytest.fixture(params=["file", "memory"])
async def services(request: pytest.FixtureRequest, tmp_path: Path) -> Services:
    url = tmp_path.as_uri() if request.param == "file" else "memory://"
    return services_on(open_url(url), max_upload_bytes=3 << 20)


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_on(services) as found:
        yield found


async def content(services: Services, upload_id: str) -> bytes:
    upload = await services.uploads.find("t", upload_id)
    found = await read_upload(services.storage, upload.prefix)
    return b"".join([await services.storage.get(part.name) for part in found.parts])


async def test_a_form_s_file_becomes_an_upload(
    client: httpx2.AsyncClient, services: Services
) -> None:
    data = random.Random(2).randbytes(2_500_000)
    files = {"file": ("clip ü.mp4", data, "video/mp4")}
    answer = await client.post("/api/uploads", files=files, data={"note": "x"})
    assert answer.status_code == 201
    body = answer.json()
    assert body == {
        "upload_id": body["upload_id"],
        "size": len(data),
        "filename": "clip ü.mp4",
    }
    assert answer.headers["location"].endswith(f"/api/uploads/{body['upload_id']}")
    assert await content(services, body["upload_id"]) == data
    upload = await services.uploads.find("t", body["upload_id"])
    assert (upload.complete, upload.content_type) == (True, "video/mp4")


async def test_bare_bytes_become_an_upload(client: httpx2.AsyncClient, services: Services) -> None:
    answer = await client.post(
        "/api/uploads?filename=a.mov", content=b"0123", headers={"content-type": "video/mp4"}
    )
    assert (answer.status_code, answer.json()["filename"]) == (201, "a.mov")
    assert await content(services, answer.json()["upload_id"]) == b"0123"


async def test_faulty_requests_leave_nothing(
    client: httpx2.AsyncClient, services: Services
) -> None:
    form = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    cases: list[tuple[dict[str, Any], int]] = [
        ({"files": {"file": ("a", bytes((3 << 20) + 1))}}, 413),
        ({"files": {"file": ("a", bytes(5 << 20))}}, 413),
        ({"content": bytes((3 << 20) + 1), "headers": {"content-type": "video/mp4"}}, 413),
        ({"files": {"one": ("a", b"1"), "two": ("b", b"2")}}, 400),
        ({"data": {"field": "only"}, "files": {"x": (None, b"field")}}, 400),
        ({"data": {"field": "only"}}, 415),
        ({"content": b"", "headers": form}, 400),
        ({"content": b"nonsense", "headers": form}, 400),
        ({"content": body_of(("file", "a.mp4", b"0123"))[:-12], "headers": form}, 400),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"content": b"x"}, 415),
    ]
    for request, code in cases:
        answer = await client.post("/api/uploads", **request)
        assert answer.status_code == code, (request.keys(), answer.text)
        assert answer.json()["detail"]
    assert await services.storage.list() == []


# --- receive_form by itself ---


def body_of(*parts: tuple[str, str | None, bytes]) -> bytes:
    """A form of (name, file name, bytes)."""
    body = b""
    for name, filename, data in parts:
        file = "" if filename is None else f'; filename="{filename}"\r\ncontent-type: x/y'
        body += f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{file}'.encode()
        body += b"\r\n\r\n" + data + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def request_of(*chunks: bytes, complete: bool = True, **headers: str) -> Request:
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append(
        {"type": "http.request", "body": b""} if complete else {"type": "http.disconnect"}
    )

    async def receive() -> Any:
        return messages.pop(0)

    sent = {"content_type": f"multipart/form-data; boundary={BOUNDARY}"} | headers
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


async def collect(file: FormFile, chunks: AsyncIterable[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


def split(body: bytes, cuts: list[int]) -> list[bytes]:
    at = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(at)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["media", "preset", "ü"]),
            st.none() | st.sampled_from(["a.mp4", "b c.jpg", ""]),
            st.binary(max_size=40) | st.just(b"\r\n--xYz\r\n--xYzZ\r\n"),
        ),
        max_size=5,
    ),
    st.lists(st.integers(0, 2000), max_size=12),
)
@settings(deadline=None)
def test_a_form_reads_the_same_however_it_is_cut(
    parts: list[tuple[str, str | None, bytes]], cuts: list[int]
) -> None:
    parts = [
        (name, filename, data.hex().encode() if filename is None else data)
        for name, filename, data in parts
        if f"--{BOUNDARY}".encode() not in data
    ]
    form = asyncio.run(receive_form(request_of(*split(body_of(*parts), cuts)), 1000, collect))
    assert form.fields == {name: data.decode() for name, file, data in parts if file is None}
    assert [(file.field, file.filename, data) for file, data in form.files] == [
        part for part in parts if part[1] is not None
    ]


async def test_a_form_that_breaks_off_is_undone() -> None:
    undone: list[bytes] = []
    broken: list[BaseException] = []

    async def sink(file: FormFile, chunks: AsyncIterable[bytes]) -> bytes:
        try:
            return await collect(file, chunks)
        except Exception as error:
            broken.append(error)
            raise

    async def undo(result: bytes) -> None:
        undone.append(result)

    whole = body_of(("a", "a", b"first"), ("b", "b", b"second"))
    cut = whole.index(b"second") + 3
    with pytest.raises(InvalidInput, match="broke off"):
        await receive_form(request_of(whole[:cut], complete=False), 100, sink, undo)
    assert undone == [b"first"]
    assert len(broken) == 1


async def test_the_cap_counts_each_file_and_spares_its_form() -> None:
    body = body_of(("preset", None, b"web"), ("media", "a", bytes(1000)))
    form = await receive_form(request_of(body), 1000, collect)
    assert len(form.files[0][1]) == 1000
    with pytest.raises(TooLarge, match="999"):
        await receive_form(request_of(body), 999, collect)


async def test_a_long_form_is_refused_by_its_length_alone() -> None:
    request = request_of(b"unread", content_length=str((1 << 20) + 1001))
    with pytest.raises(TooLarge):
        await receive_form(request, 1000, collect)


async def test_what_is_no_form_or_too_much_of_one_is_refused() -> None:
    with pytest.raises(UnsupportedType):
        await receive_form(request_of(content_type="application/json"), 10, collect)
    long_field = body_of(("preset", None, bytes(70_000)))
    many = body_of(*[("preset", None, b"web")] * 65)
    long_name = body_of(("n" * 20_000, "a", b"1"))
    for body in (long_field, many, long_name):
        with pytest.raises((TooLarge, InvalidInput)):
            await receive_form(request_of(*split(body, list(range(0, 70_000, 999)))), 10, collect)


async def test_an_error_of_the_sink_comes_through() -> None:
    async def full(file: FormFile, chunks: AsyncIterable[bytes]) -> bytes:
        raise StorageFull

    body = body_of(("media", "a", bytes(100_000)))
    with pytest.raises(StorageFull):
        await receive_form(request_of(*split(body, list(range(0, 100_000, 777)))), 1 << 20, full)
