"""What a tus client sends, and what has come of it."""

from __future__ import annotations

import asyncio
import base64

import httpx2

from reelyard.actors.jobs.object_keys import uploads_prefix
from reelyard.api.http.services import Services
from reelyard.cluster.storage.uploads import read_upload

TUS = {"tus-resumable": "1.0.0"}
PIECE = TUS | {"content-type": "application/offset+octet-stream"}
DATA = bytes(range(256)) * 4096


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
