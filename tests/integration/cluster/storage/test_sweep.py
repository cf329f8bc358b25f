"""Deletion by folder and age, on every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from reelyard.cluster.storage import Storage, Uploads
from reelyard.cluster.storage.sweep import delete_older, delete_older_uploads, delete_unfinished

NOW_MS = 1_800_000_000_000


async def one(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk


async def keys_of(storage: Storage) -> list[str]:
    return [info.key for info in await storage.list()]


async def test_objects_go_by_the_time_of_their_writing(storage: Storage) -> None:
    await storage.put("a/old/x.wav", b"x")
    info = await storage.head("a/old/x.wav")
    assert info is not None
    assert await delete_older(storage, "a/old/", info.modified_ms - 1) == 0
    assert await delete_older(storage, "a/old/", info.modified_ms) == 1
    assert await keys_of(storage) == []


async def test_only_what_lies_in_the_folder_goes(storage: Storage) -> None:
    for key in ("a/old/x", "a/old/b/y", "a/older/z", "b/old/x"):
        await storage.put(key, b"x")
    assert await delete_older(storage, "a/old/", 1 << 60) == 2
    assert await keys_of(storage) == ["a/older/z", "b/old/x"]
    assert await delete_older(storage, "nothing/", 1 << 60) == 0


async def test_uploads_go_by_the_time_of_their_beginning(storage: Storage) -> None:
    times = iter([NOW_MS] * 2 + [NOW_MS + 1] * 4)
    uploads = Uploads(
        storage,
        lambda owner: f"{owner}/uploads/",
        max_bytes=100,
        life_s=1,
        now_ms=lambda: next(times),
    )
    old = await uploads.receive("me", one(b"1"))
    other = await uploads.receive("you", one(b"2"))
    young = await uploads.receive("me", one(b"3"))
    await storage.put("me/uploads/no-id/x", b"4")
    assert await delete_older_uploads(storage, "me/uploads/", NOW_MS) == 1
    left = await keys_of(storage)
    assert not [key for key in left if key.startswith(old.prefix)]
    assert await uploads.find("me", young.upload_id) == young
    assert await uploads.find("you", other.upload_id) == other
    assert "me/uploads/no-id/x" in left


async def test_unfinished_files_are_deleted_on_disk_only(storage: Storage, tmp_path: Path) -> None:
    await storage.put("a", b"x")
    left = 0
    if storage.local_path("a") is not None:
        (tmp_path / "my objects" / ".part-0011").write_bytes(b"half")
        left = 1
    assert await delete_unfinished(storage, 1 << 60) == left
    assert await keys_of(storage) == ["a"]
