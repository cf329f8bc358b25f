"""Uploads in pieces, on every store."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from cluster.errors import Conflict, Gone, NotFound, TooLarge
from cluster.storage import Storage, UploadInfo, Uploads
from cluster.storage import uploads as uploads_module
from cluster.storage.uploads import contiguous, created_ms, read_upload


class Clock:
    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms


def folder_of(owner: str) -> str:
    return f"owners/{owner}/uploads/"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def uploads(storage: Storage, clock: Clock) -> Uploads:
    return Uploads(storage, folder_of, max_bytes=1 << 20, life_s=3600, now_ms=clock)


async def pieces(*chunks: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if error is not None:
        raise error


async def content(storage: Storage, upload: UploadInfo) -> bytes:
    _, _, parts = await read_upload(storage, upload.prefix)
    return b"".join([await storage.get(part.key) for part in parts])


async def test_an_upload_grows_until_it_is_complete(storage: Storage, uploads: Uploads) -> None:
    upload = await uploads.create("t", length=10, filename="a.mp4", metadata={"k": "dg=="})
    assert (upload.offset, upload.complete) == (0, False)
    await uploads.append(upload, 0, pieces(b"0123", b"45"))
    found = await uploads.find("t", upload.upload_id)
    assert (found.offset, found.filename, found.metadata) == (6, "a.mp4", {"k": "dg=="})
    done = await uploads.append(found, 6, pieces(b"6789"))
    assert done.complete
    assert done == await uploads.find("t", upload.upload_id)
    assert await content(storage, done) == b"0123456789"
    assert done.prefix == f"owners/t/uploads/{upload.upload_id}/"


async def test_what_arrived_before_a_break_is_kept(storage: Storage, uploads: Uploads) -> None:
    upload = await uploads.create("t", length=10)
    with pytest.raises(ConnectionResetError):
        await uploads.append(upload, 0, pieces(b"012", b"3", error=ConnectionResetError()))
    upload = await uploads.find("t", upload.upload_id)
    assert upload.offset == 4

    async def hanging() -> AsyncIterator[bytes]:
        yield b"45"
        await asyncio.Event().wait()

    task = asyncio.create_task(uploads.append(upload, 4, hanging()))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    upload = await uploads.find("t", upload.upload_id)
    assert upload.offset == 6
    upload = await uploads.append(upload, 6, pieces(b"6789"))
    assert await content(storage, upload) == b"0123456789"


async def test_a_wrong_offset_is_a_conflict_that_tells_the_right_one(uploads: Uploads) -> None:
    upload = await uploads.append(await uploads.create("t", length=10), 0, pieces(b"012"))
    for offset in (0, 2, 4, 10):
        with pytest.raises(Conflict) as caught:
            await uploads.append(upload, offset, pieces(b"x"))
        assert caught.value.details == {"offset": 3}


async def test_no_upload_grows_beyond_its_length_or_the_cap(uploads: Uploads) -> None:
    upload = await uploads.create("t", length=3)
    with pytest.raises(TooLarge):
        await uploads.append(upload, 0, pieces(b"01", b"23"))
    assert (await uploads.find("t", upload.upload_id)).offset == 2
    await uploads.create("t", length=1 << 20)
    with pytest.raises(TooLarge, match="1048576"):
        await uploads.create("t", length=(1 << 20) + 1)


async def test_long_pieces_are_stored_in_parts(
    storage: Storage, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads_module, "PART_BYTES", 1000)
    data = random.Random(1).randbytes(4321)
    upload = await uploads.create("t", length=len(data))
    chunks = [data[at : at + 300] for at in range(0, len(data), 300)]
    with pytest.raises(ConnectionResetError):
        await uploads.append(upload, 0, pieces(*chunks[:9], error=ConnectionResetError()))
    upload = await uploads.find("t", upload.upload_id)
    assert upload.offset == 2700
    upload = await uploads.append(upload, 2700, pieces(*chunks[9:]))
    assert upload.complete
    assert await content(storage, upload) == data
    assert len(await storage.list(upload.prefix)) >= 5


async def test_parts_behind_a_gap_do_not_count(storage: Storage, uploads: Uploads) -> None:
    upload = await uploads.append(await uploads.create("t", length=9), 0, pieces(b"012"))
    prefix = upload.prefix
    await storage.put(f"{prefix}part-{5:020d}", b"56")
    assert (await uploads.find("t", upload.upload_id)).offset == 3
    # Once the gap is filled, the stale part is in its place again.
    upload = await uploads.append(upload, 3, pieces(b"34"))
    assert (await uploads.find("t", upload.upload_id)).offset == 7
    assert await content(storage, upload) == b"0123456"


async def test_nobody_finds_a_stranger_s_upload(uploads: Uploads) -> None:
    upload = await uploads.create("t", length=1)
    for tenant, upload_id in [
        ("other", upload.upload_id),
        ("t", upload.upload_id[:-1] + "x"),
        ("t", "../t"),
        ("t", ""),
        ("t", "0" * 33),
    ]:
        with pytest.raises((NotFound, Gone)):
            await uploads.find(tenant, upload_id)
    ids = {(await uploads.create("t", length=1)).upload_id for _ in range(50)}
    assert len(ids) == 50


async def test_an_upload_expires(uploads: Uploads, clock: Clock) -> None:
    old = await uploads.append(await uploads.create("t", length=2), 0, pieces(b"0"))
    clock.ms += 3_600_000 - 1
    assert await uploads.find("t", old.upload_id) == old
    clock.ms += 1
    with pytest.raises(Gone):
        await uploads.find("t", old.upload_id)


async def test_an_upload_of_unknown_length_comes_whole_or_not_at_all(
    storage: Storage, uploads: Uploads
) -> None:
    upload = await uploads.receive("t", pieces(b"01", b"2"), filename="a.mov")
    assert (upload.length, upload.complete, upload.filename) == (3, True, "a.mov")
    assert await content(storage, upload) == b"012"
    assert (await uploads.receive("t", pieces())).complete
    before = await storage.list()
    with pytest.raises(ConnectionResetError):
        await uploads.receive("t", pieces(b"01", error=ConnectionResetError()))
    with pytest.raises(TooLarge):
        await uploads.receive("t", pieces(bytes(1 << 20), b"1"))
    assert await storage.list() == before


async def test_a_removed_upload_is_gone_with_its_bytes(storage: Storage, uploads: Uploads) -> None:
    upload = await uploads.append(await uploads.create("t", length=1), 0, pieces(b"0"))
    await uploads.remove("t", upload.upload_id)
    assert await storage.list() == []
    with pytest.raises(NotFound):
        await uploads.remove("t", upload.upload_id)


async def test_an_id_tells_when_it_was_made(uploads: Uploads, clock: Clock) -> None:
    upload = await uploads.create("t", length=1)
    assert created_ms(upload.upload_id) == clock.ms
    assert upload.expires_ms == clock.ms + 3_600_000
    assert created_ms("nonsense") is None
    assert contiguous([]) == []
