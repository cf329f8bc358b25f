"""Scratch folders."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from reelyard.actors.worker.scratch import HYSTERESIS, Scratch
from reelyard.cluster.errors import Conflict


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_an_attempt_gets_an_empty_folder_for_outputs(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path, "media-cpu-1-a", 0)
    folder = scratch.open()
    assert list(folder.outputs.iterdir()) == []
    assert folder.root != scratch.open().root
    scratch.close()


def test_an_empty_folder_is_used_again(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path, "media-cpu-1-a", 0)
    folder = scratch.open()
    assert scratch.recycle(folder)
    assert scratch.open() is folder
    scratch.close()


@pytest.mark.parametrize("name", ["out/left.mp4", "in/copy.mp4", "stray"])
async def test_a_folder_with_something_in_it_is_not_used_again(tmp_path: Path, name: str) -> None:
    scratch = Scratch(tmp_path, "media-cpu-1-a", 0)
    folder = scratch.open()
    (folder.root / name).parent.mkdir(exist_ok=True)
    (folder.root / name).write_text("x")
    assert not scratch.recycle(folder)
    await scratch.discard(folder)
    assert not folder.root.exists()
    assert scratch.open().root != folder.root
    scratch.close()


def test_a_worker_removes_what_dead_ones_have_left_and_nothing_else(tmp_path: Path) -> None:
    dead = Scratch(tmp_path, "media-cpu-1-dead", 0)
    dead.open()
    dead._claim.release()
    living = Scratch(tmp_path, "media-cpu-2-b", 0)
    (tmp_path / "somebody-elses").mkdir()
    scratch = Scratch(tmp_path, "media-cpu-1-a", 0)
    assert scratch.clean_up_after_others() == [tmp_path / "media-cpu-1-dead"]
    assert living.home.exists()
    assert (tmp_path / "somebody-elses").exists()
    scratch.close()
    living.close()


def test_two_processes_never_share_a_folder(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path, "media-cpu-1-a", 0)
    with pytest.raises(Conflict, match="media-cpu-1-a"):
        Scratch(tmp_path, "media-cpu-1-a", 0)
    scratch.close()


def test_a_full_disk_must_be_clearly_free_again_before_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 1000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free))
    scratch = Scratch(tmp_path, "media-cpu-1-a", reserve_bytes=1000)
    assert scratch.has_room()
    free = 999
    assert not scratch.has_room()
    free = 1000
    assert not scratch.has_room()
    free = int(1000 * HYSTERESIS)
    assert scratch.has_room()
    free = 1000
    assert scratch.has_room()
    scratch.close()
