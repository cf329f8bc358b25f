"""Several writers at one upload: one of them counts, on every store."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from reelyard.cluster.errors import (
    Conflict,
)
from reelyard.cluster.storage import Storage, UploadInfo, Uploads
from reelyard.cluster.storage.uploads import writers

from .upload_calls import Clock, Stalling, add, content, folder_of, pieces


async def test_bytes_at_one_offset_are_acknowledged_to_one_writer_only(
    storage: Storage, uploads: Uploads, clock: Clock
) -> None:
    """Four writers in as many processes, with four contents."""
    processes = [
        Uploads(storage, folder_of, max_bytes=1 << 20, life_s=3600, now_ms=clock) for _ in range(4)
    ]
    for _ in range(5):
        upload = await uploads.create("t", length=8)
        bodies = [bytes([65 + index]) * 8 for index in range(4)]
        done = await asyncio.gather(
            *(add(each, upload, 0, pieces(b)) for each, b in zip(processes, bodies, strict=True)),
            return_exceptions=True,
        )
        taken = [index for index, answer in enumerate(done) if isinstance(answer, UploadInfo)]
        assert len(taken) == 1, done
        assert all(isinstance(each, UploadInfo | Conflict) for each in done)
        assert await content(storage, upload) == bodies[taken[0]]


async def test_a_writer_that_wakes_up_late_takes_back_nothing(
    storage: Storage, uploads: Uploads, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was frozen, so that it neither answered nor noticed."""
    monkeypatch.setattr(writers, "PATIENCE_S", 0.2)
    frozen = Uploads(storage, folder_of, max_bytes=1 << 20, life_s=3600, now_ms=clock)
    monkeypatch.setattr(writers.Turn, "_give_way", lambda self, asked: asyncio.sleep(0))
    upload = await uploads.create("t", length=6)
    body = Stalling(b"abc")
    late = asyncio.create_task(add(frozen, upload, 0, body.chunks()))
    await body.stalled.wait()
    assert (await add(uploads, upload, 0, pieces(b"012345"))).complete
    body.go_on.set()
    with pytest.raises(Conflict):
        await late
    assert await uploads.find("t", upload.upload_id) == await uploads.stand("t", upload.upload_id)
    assert await content(storage, upload) == b"012345"


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same process", "another process"])
async def test_whoever_goes_on_ends_a_writer_that_stands_still(
    storage: Storage, uploads: Uploads, clock: Clock, elsewhere: bool
) -> None:
    other = Uploads(storage, folder_of, max_bytes=1 << 20, life_s=3600, now_ms=clock)
    upload = await uploads.create("t", length=6)
    body = Stalling(b"012")
    stalled = asyncio.create_task(add(other if elsewhere else uploads, upload, 0, body.chunks()))
    await body.stalled.wait()
    while elsewhere and not any("writer-" in info.key for info in await storage.list()):
        await asyncio.sleep(0.05)
    found = await uploads.stand("t", upload.upload_id)
    assert found.offset == 3
    assert (await add(uploads, upload, 3, pieces(b"345"))).complete
    with pytest.raises(Conflict, match="another request"):
        await stalled
    assert await content(storage, upload) == b"012345"
    assert not [info for info in await storage.list(upload.prefix) if "writer-" in info.key]


async def test_a_dead_writer_loses_its_place(
    storage: Storage, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "PATIENCE_S", 0.2)
    upload = await uploads.create("t", length=3)
    await storage.put(f"{upload.prefix}writer-{0:016x}", b"")
    assert (await add(uploads, upload, 0, pieces(b"012"))).complete
    names = {info.key.rsplit("/", 1)[-1].split("-")[0] for info in await storage.list()}
    assert names == {"info.json", "data", "commit"}


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same process", "another process"])
async def test_a_piece_that_flows_is_let_finish_unless_a_client_wants_to_go_on(
    storage: Storage,
    uploads: Uploads,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    elsewhere: bool,
) -> None:
    monkeypatch.setattr(writers, "PATIENCE_S", 1.0)
    monkeypatch.setattr(writers, "GRACE_S", 0.2)
    monkeypatch.setattr(writers, "ANNOUNCE_S", 0.1)
    other = Uploads(storage, folder_of, max_bytes=1 << 20, life_s=3600, now_ms=clock)
    upload = await uploads.create("t", length=1 << 20)
    enough, some = asyncio.Event(), asyncio.Event()

    async def flowing() -> AsyncIterator[bytes]:
        for count in itertools.count():
            if enough.is_set():
                return
            if count == 20:
                some.set()
            yield b"0"
            await asyncio.sleep(0.02)

    async def begin() -> asyncio.Task[UploadInfo]:
        at = (await uploads.find("t", upload.upload_id)).offset
        writer = other if elsewhere else uploads
        some.clear()
        begun = asyncio.create_task(add(writer, upload, at, flowing()))
        await some.wait()
        while elsewhere and not any("writer-" in info.key for info in await storage.list()):
            await asyncio.sleep(0.05)
        return begun

    first = await begin()
    with pytest.raises(Conflict, match="is writing"):
        await add(uploads, upload, 0, pieces(b"abcdef"))
    enough.set()
    done = await first
    assert done.offset > 10
    enough.clear()
    second = await begin()
    found = await uploads.stand("t", upload.upload_id)
    assert found.offset > done.offset
    with pytest.raises(Conflict, match="has gone on"):
        await second
    assert await content(storage, found) == b"0" * found.offset
