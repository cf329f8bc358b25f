"""Folders that nobody else may own, write or read a part of."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reelyard.cluster.errors import OutputUnwritable, UnsafeFolder
from reelyard.cluster.folders.folder_lock import LOCK_NAME
from reelyard.cluster.folders.private_folders import check_way, private_folder, private_umask

STRANGER = 54321
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_that_is_missing_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    assert mode(private_folder(tmp_path / "a" / "b")) == 0o700
    assert mode(tmp_path / "a") == 0o700


def test_an_empty_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    assert mode(private_folder(tmp_path / "data")) == 0o700


def test_a_folder_of_an_earlier_start_that_others_can_read_is_closed(tmp_path: Path) -> None:
    private_folder(tmp_path / "data")
    (tmp_path / "data" / LOCK_NAME).touch()
    (tmp_path / "data").chmod(0o755)
    assert mode(private_folder(tmp_path / "data")) == 0o700


def test_somebodys_open_folder_of_other_things_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir(mode=0o755)
    (tmp_path / "project/notes.txt").touch()
    with pytest.raises(UnsafeFolder, match="chmod 700"):
        private_folder(tmp_path / "project")
    assert mode(tmp_path / "project") == 0o755


def test_a_shared_folder_like_tmp_is_never_taken(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    with pytest.raises(UnsafeFolder, match="open to others"):
        private_folder(tmp_path / "shared")
    assert mode(private_folder(tmp_path / "shared/mine")) == 0o700


@pytest.mark.parametrize("bits", [0o777, 0o702])
def test_a_folder_that_others_can_write_is_refused_with_the_way_out(
    tmp_path: Path, bits: int
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(bits)
    for path in (tmp_path / "open", tmp_path / "open/data"):
        with pytest.raises(UnsafeFolder, match=r"can be written by others.*chmod o-w") as refused:
            private_folder(path)
        assert "\n" not in refused.value.message
    assert not (tmp_path / "open/data").exists()


def test_what_a_link_leads_through_is_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open/data").mkdir()
    (tmp_path / "link").symlink_to("open/../open/data")
    with pytest.raises(UnsafeFolder, match=r"open \(mode 0777\)"):
        check_way(tmp_path / "link")


def test_a_link_to_a_private_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "there")
    assert private_folder(tmp_path / "link") == tmp_path / "link"


def test_links_in_a_circle_are_no_endless_way(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UnsafeFolder, match="links"):
        check_way(tmp_path / "a" / "data")


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch(mode=0o600)
    with pytest.raises(OutputUnwritable, match="data can't be used"):
        private_folder(tmp_path / "data")


@needs_root
@pytest.mark.parametrize("where", ["data", "data/run", "above"])
def test_what_a_stranger_owns_is_refused_by_name(tmp_path: Path, where: str) -> None:
    data = tmp_path / "above" / "data" if where == "above" else tmp_path / "data"
    private_folder(data)
    (data / "run").mkdir(mode=0o700)
    os.chown(tmp_path / where, STRANGER, STRANGER)
    with pytest.raises(UnsafeFolder, match=f"{where} belongs to uid {STRANGER}"):
        private_folder(data)


@needs_root
def test_a_strangers_link_in_a_shared_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    os.chown(tmp_path / "link", STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(UnsafeFolder, match="link belongs to"):
        check_way(tmp_path / "link" / "data")


@needs_root
def test_a_group_of_others_may_not_write_and_ones_own_may(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project").chmod(0o775)
    private_folder(tmp_path / "project/data")
    os.chown(tmp_path / "project", -1, STRANGER)
    with pytest.raises(UnsafeFolder, match="chmod g-w"):
        private_folder(tmp_path / "project/data")


def test_within_a_private_umask_files_are_their_owners_alone(tmp_path: Path) -> None:
    made = "from pathlib import Path; import sys; Path(sys.argv[1]).touch()"
    old = os.umask(0o022)
    try:
        with private_umask() as before:
            subprocess.run([sys.executable, "-c", made, str(tmp_path / "child")], check=True)
        (tmp_path / "after").touch()
    finally:
        os.umask(old)
    assert before == 0o022
    assert (mode(tmp_path / "child"), mode(tmp_path / "after")) == (0o600, 0o644)
