"""Folders that belong to one living process at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reelyard.cluster.errors import OutputUnwritable
from reelyard.cluster.folders.folder_lock import LOCK_NAME, FolderLock, owner_pid, remove_abandoned


def test_a_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    first = FolderLock.claim(tmp_path)
    assert first is not None
    assert FolderLock.claim(tmp_path) is None
    assert owner_pid(tmp_path) == os.getpid()
    first.release()
    first.release()
    second = FolderLock.claim(tmp_path)
    assert second is not None
    second.release()


def test_a_folder_that_can_not_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputUnwritable, match="file/data can't be used: Not a directory"):
        FolderLock.claim(tmp_path / "file" / "data")


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; "
        "from reelyard.cluster.folders.folder_lock import FolderLock; "
        "FolderLock.claim(Path(sys.argv[1])); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=False)
    assert owner_pid(tmp_path / "a") is not None
    assert remove_abandoned([tmp_path / "a"]) == [tmp_path / "a"]
    assert not (tmp_path / "a").exists()


def test_folders_in_use_and_foreign_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    used = FolderLock.claim(tmp_path / "used")
    assert used is not None
    assert remove_abandoned([tmp_path / "foreign", tmp_path / "used"]) == []
    assert (tmp_path / "used" / LOCK_NAME).exists()
    used.release()


def test_a_folder_nobody_claimed_has_no_owner(tmp_path: Path) -> None:
    assert owner_pid(tmp_path) is None
