"""Uploads in pieces, on every store."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterable

import pytest

from reelyard.cluster.errors import (
    ChecksumMismatch,
    Conflict,
    Forbidden,
    Gone,
    InvalidInput,
    NotFound,
    NotReady,
    TooLarge,
)
from reelyard.cluster.storage import Checksum, Storage, UploadInfo, Uploads
from reelyard.cluster.storage.uploads import created_ms, service

from .upload_calls import Clock, Stalling, add, content, folder_of, pieces


async def test_an_upload_grows_until_it_is_complete(storage: Storage, uploads: Uploads) -> None:
    upload = await uploads.create("t", length=10, filename="a.mp4", metadata={"k": "dg=="})
    assert (upload.offset, upload.complete) == (0, False)
    await add(uploads, upload, 0, pieces(b"0123", b"45"))
    found = await uploads.find("t", upload.upload_id)
    assert (found.offset, found.filename, found.metadata) == (6, "a.mp4", {"k": "dg=="})
    done = await add(uploads, found, 6, pieces(b"6789"))
    assert done.complete
    assert done == await uploads.find("t", upload.upload_id)
    assert await content(storage, done) == b"0123456789"
    assert done.prefix == f"owners/t/uploads/{upload.upload_id}/"


async def test_what_arrived_before_a_break_is_kept(storage: Storage, uploads: Uploads) -> None:
    upload = await uploads.create("t", length=10)
    with pytest.raises(ConnectionResetError):
        await add(uploads, upload, 0, pieces(b"012", b"3", error=ConnectionResetError()))
    upload = await uploads.find("t", upload.upload_id)
    assert upload.offset == 4

    body = Stalling(b"45")
    task = asyncio.create_task(add(uploads, upload, 4, body.chunks()))
    await body.stalled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    upload = await uploads.find("t", upload.upload_id)
    assert upload.offset == 6
    upload = await add(uploads, upload, 6, pieces(b"6789"))
    assert await content(storage, upload) == b"0123456789"


async def test_a_wrong_offset_is_a_conflict_that_tells_the_right_one(uploads: Uploads) -> None:
    upload = await add(uploads, await uploads.create("t", length=10), 0, pieces(b"012"))
    for offset in (0, 2, 4, 10):
        with pytest.raises(Conflict) as caught:
            await add(uploads, upload, offset, pieces(b"x"))
        assert caught.value.details == {"offset": 3}


async def test_no_upload_grows_beyond_its_length_or_the_cap(uploads: Uploads) -> None:
    upload = await uploads.create("t", length=3)
    with pytest.raises(TooLarge):
        await add(uploads, upload, 0, pieces(b"01", b"23"))
    assert (await uploads.find("t", upload.upload_id)).offset == 2
    await uploads.create("t", length=1 << 20)
    with pytest.raises(TooLarge, match="1048576"):
        await uploads.create("t", length=(1 << 20) + 1)


async def test_long_pieces_are_stored_in_parts(
    storage: Storage, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PART_BYTES", 1000)
    data = random.Random(1).randbytes(4321)
    upload = await uploads.create("t", length=len(data))
    chunks = [data[at : at + 300] for at in range(0, len(data), 300)]
    with pytest.raises(ConnectionResetError):
        await add(uploads, upload, 0, pieces(*chunks[:9], error=ConnectionResetError()))
    upload = await uploads.find("t", upload.upload_id)
    assert upload.offset == 2700
    upload = await add(uploads, upload, 2700, pieces(*chunks[9:]))
    assert upload.complete
    assert await content(storage, upload) == data
    assert len(await storage.list(upload.prefix)) >= 5


async def test_an_upload_that_an_earlier_version_began_goes_on(
    storage: Storage, uploads: Uploads, clock: Clock
) -> None:
    upload_id = f"{clock.ms:011x}{'x' * 22}"
    prefix = f"{folder_of('t')}{upload_id}/"
    old = b'{"length":9,"filename":"a.mov","content_type":"","metadata":{}}'
    await storage.put(f"{prefix}info.json", old)
    await storage.put(f"{prefix}part-{0:020d}", b"012")
    await storage.put(f"{prefix}part-{3:020d}", b"3")
    await storage.put(f"{prefix}part-{6:020d}", b"??")  # behind a gap: it was never acknowledged
    upload = await uploads.find("t", upload_id)
    assert (upload.offset, upload.length, upload.filename) == (4, 9, "a.mov")
    upload = await add(uploads, upload, 4, pieces(b"45"))
    assert upload.offset == 6
    assert await uploads.find("t", upload_id) == upload
    upload = await add(uploads, upload, 6, pieces(b"678"))
    assert upload.complete
    assert await content(storage, upload) == b"012345678"


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
    old = await add(uploads, await uploads.create("t", length=2), 0, pieces(b"0"))
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
    upload = await add(uploads, await uploads.create("t", length=1), 0, pieces(b"0"))
    await uploads.remove("t", upload.upload_id)
    assert await storage.list() == []
    with pytest.raises(NotFound):
        await uploads.remove("t", upload.upload_id)


async def test_an_id_tells_when_it_was_made(uploads: Uploads, clock: Clock) -> None:
    upload = await uploads.create("t", length=1)
    assert created_ms(upload.upload_id) == clock.ms
    assert upload.expires_ms == clock.ms + 3_600_000
    assert created_ms("nonsense") is None


async def test_a_length_may_come_later_but_once(storage: Storage, uploads: Uploads) -> None:
    upload = await uploads.create("t", length=None)
    upload_id = upload.upload_id
    assert (upload.length, upload.complete) == (None, False)
    upload = await add(uploads, upload, 0, pieces(b"0123"))
    for wrong, error in ((3, InvalidInput), ((1 << 20) + 1, TooLarge)):
        with pytest.raises(error):
            await uploads.append("t", upload_id, 4, pieces(b"4"), length=wrong)
    assert (await uploads.find("t", upload_id)).length is None
    await uploads.append("t", upload_id, 4, pieces(b"4"), length=6)
    with pytest.raises(InvalidInput, match="6"):
        await uploads.append("t", upload_id, 5, pieces(b"5"), length=7)
    done = await uploads.append("t", upload_id, 5, pieces(b"5"), length=6)
    assert done.complete
    assert await content(storage, done) == b"012345"
    endless = await uploads.create("t", length=None)
    with pytest.raises(TooLarge):
        await add(uploads, endless, 0, pieces(bytes(1 << 20), b"1"))


async def test_what_does_not_match_its_checksum_leaves_no_trace(
    storage: Storage, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PART_BYTES", 1000)
    data = random.Random(2).randbytes(2600)
    chunks = [data[at : at + 300] for at in range(0, len(data), 300)]
    upload = await uploads.create("t", length=None)
    before = await storage.list()
    right = Checksum("sha1", hashlib.sha1(data).digest())
    wrong = Checksum("sha1", hashlib.sha1(b"other").digest())

    async def send(checksum: Checksum, body: AsyncIterable[bytes]) -> UploadInfo:
        return await uploads.append("t", upload.upload_id, 0, body, length=2600, checksum=checksum)

    with pytest.raises(ChecksumMismatch):
        await send(wrong, pieces(*chunks))
    with pytest.raises(ConnectionResetError):
        await send(right, pieces(*chunks[:8], error=ConnectionResetError()))
    assert await storage.list() == before
    assert await uploads.find("t", upload.upload_id) == upload
    done = await send(right, pieces(*chunks))
    assert done.complete
    assert await content(storage, done) == data


async def test_partial_uploads_are_joined_in_the_order_that_is_asked_for(
    storage: Storage, uploads: Uploads
) -> None:
    ids = []
    for text in (b"hello", b" world", b""):
        upload = await uploads.create("t", length=len(text), partial=True)
        ids.append((await add(uploads, upload, 0, pieces(text))).upload_id)
    a, b, empty = ids
    whole = await uploads.concatenate("t", [a, b, empty, a], concat="final;a b", filename="x.txt")
    assert (whole.offset, whole.length, whole.complete) == (16, 16, True)
    assert (whole.final, whole.partial, whole.filename) == (True, False, "x.txt")
    for upload_id in ids:
        await uploads.remove("t", upload_id)
    assert await uploads.find("t", whole.upload_id) == whole
    assert await content(storage, whole) == b"hello worldhello"
    with pytest.raises(Forbidden):
        await add(uploads, whole, 16, pieces(b""))


async def test_only_finished_partial_uploads_of_one_s_own_are_joined(uploads: Uploads) -> None:
    plain = await uploads.receive("t", pieces(b"0"))
    begun = await uploads.create("t", length=2, partial=True)
    endless = await uploads.create("t", length=None, partial=True)
    foreign = await uploads.create("other", length=0, partial=True)
    big = await uploads.create("t", length=1 << 20, partial=True)
    await add(uploads, big, 0, pieces(bytes(1 << 20)))
    for found, error in [
        ([plain], InvalidInput),
        ([begun], NotReady),
        ([endless], NotReady),
        ([foreign], NotFound),
        ([big, big], TooLarge),
    ]:
        with pytest.raises(error):
            await uploads.concatenate("t", [each.upload_id for each in found], concat="final;x")
