"""The room that is left where a folder lies."""

from pathlib import Path

import pytest

from reelyard.cluster.errors import Unavailable
from reelyard.cluster.folders.free_space import free_of


def test_a_folder_that_is_not_there_yet_has_the_room_of_the_one_above(tmp_path: Path) -> None:
    assert free_of(tmp_path / "a" / "b")


def test_a_folder_below_a_file_can_not_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="is no folder"):
        free_of(tmp_path / "file" / "objects")


def test_a_file_system_that_tells_no_size_has_no_known_limit() -> None:
    assert free_of(Path("/proc/objects")) is None
