"""A real uvicorn with the guard in the place of its own protocol."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http import auto

from reelyard.api.serving import uvicorn_guard

HEAD_S = 0.3
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
TRAILER = b"Authorization: Bearer stolen\r\nX-Late: 1\r\n"
BODY, END = b"1\r\nx\r\n", b"0\r\n" + TRAILER + b"\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the names of the headers that it sees once the body is there."""
    while (message := await receive())["type"] == "http.request" and message["more_body"]:
        pass
    if scope["path"] == "/slow":
        await asyncio.sleep(3 * HEAD_S)
    body = json.dumps(sorted(name.decode() for name, _ in scope["headers"])).encode()
    length = str(len(body)).encode()
    headers = [(b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(auto, "AutoHTTPProtocol", auto.AutoHTTPProtocol)
    monkeypatch.setattr(uvicorn_guard, "HEAD_S", HEAD_S)
    uvicorn_guard.install()
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    found: int = server.servers[0].sockets[0].getsockname()[1]
    yield found
    server.should_exit = True
    await serving


async def said(port: int, *pieces: bytes) -> bytes:
    """What comes until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)
    found = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return found


@pytest.mark.parametrize(
    "pieces",
    [(CHUNKED + BODY + END,), (CHUNKED, BODY, END), (CHUNKED + BODY + END[:20], END[20:])],
    ids=["at once", "in pieces", "in its midst"],
)
async def test_trailers_never_become_headers(port: int, pieces: tuple[bytes, ...]) -> None:
    seen = json.loads((await said(port, *pieces)).partition(b"\r\n\r\n")[2])
    assert seen == ["connection", "host", "transfer-encoding"]


async def test_the_headers_of_the_next_request_count_again(port: int) -> None:
    first = CHUNKED.replace(b"Connection: close\r\n", b"") + BODY + END
    second = b"GET / HTTP/1.1\r\nHost: a\r\nX-Own: 1\r\nConnection: close\r\n\r\n"
    answers = await said(port, first, second)
    assert answers.endswith(b'["connection", "host", "x-own"]')


async def test_a_head_that_does_not_come_ends_the_connection(port: int) -> None:
    assert await said(port) == b""
    assert await said(port, b"GET / HTTP/1.1\r\n", b"Host:") == b""


async def test_a_slow_answer_is_awaited(port: int) -> None:
    head = b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert b" 200 " in await said(port, head)
    # Even where the next request's head has begun meanwhile.
    assert b" 200 " in await said(port, head.replace(b"Connection: close\r\n", b"") + b"GET ")
