"""The store on a local disk: how it takes in files that nobody needs any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelyard.cluster.errors import Conflict, NotFound
from reelyard.cluster.storage.local import LocalStorage


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "store")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "out.bin"
    path.write_bytes(b"whole")
    return path


def files_in(storage: LocalStorage) -> list[Path]:
    return [path for path in storage.root.rglob("*") if path.is_file()]


async def test_a_consumed_file_of_the_same_disk_is_moved_as_it_is(
    storage: LocalStorage, source: Path
) -> None:
    inode = source.stat().st_ino
    for number in range(2):
        info = await storage.put_file("a/b", source, consume=True)
        assert (info.size, source.exists()) == (5, False)
        assert await storage.get("a/b") == b"whole"
        if number == 0:
            assert storage.local_path("a/b").stat().st_ino == inode
            source.write_bytes(b"whole")
    assert files_in(storage) == [storage.local_path("a/b")]


async def test_a_file_that_can_not_take_its_place_stays_where_it_is(
    storage: LocalStorage, source: Path
) -> None:
    await storage.put_file("a/b", source)
    for key in ("a", "a/b/c"):
        with pytest.raises(Conflict):
            await storage.put_file(key, source, consume=True)
    assert files_in(storage) == [storage.local_path("a/b")]


async def test_a_consumed_file_that_is_missing_is_not_found(
    storage: LocalStorage, tmp_path: Path
) -> None:
    with pytest.raises(NotFound):
        await storage.put_file("a", tmp_path / "none", consume=True)
    assert files_in(storage) == []
