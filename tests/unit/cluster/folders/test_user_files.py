"""Files where a user asked for them have the modes of that user's umask."""

import os
import stat
from pathlib import Path

import pytest

from reelyard.cluster.folders.private_folders import private_umask
from reelyard.cluster.folders.user_files import USER_UMASK, make_user_folder, user_mode


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("umask", "file", "folder"),
    [(0o022, 0o644, 0o755), (0o002, 0o664, 0o775), (0o77, 0o600, 0o700)],
)
def test_what_the_users_umask_allows_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int, file: int, folder: int
) -> None:
    (tmp_path / "there").mkdir(mode=0o700)
    monkeypatch.setenv(USER_UMASK, f"{umask:o}")
    with private_umask():
        make_user_folder(tmp_path / "there/a/b")
    assert user_mode(0o666) == file
    assert [mode(tmp_path / name) for name in ("there", "there/a", "there/a/b")] == [
        0o700,
        folder,
        folder,
    ]


def test_outside_an_embedded_cluster_the_process_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(USER_UMASK, raising=False)
    old = os.umask(0o027)
    try:
        make_user_folder(tmp_path / "a")
    finally:
        os.umask(old)
    assert user_mode(0o666) is None
    assert mode(tmp_path / "a") == 0o750
