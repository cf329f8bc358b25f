"""Finding the embedded cluster of this machine, and claiming folders."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.cluster_file import (
    FILE_NAME,
    ClusterFile,
    find_cluster,
    keep_token,
    process_start,
    remove_cluster_file,
    token_file,
    write_cluster_file,
)
from cluster.errors import OutputUnwritable, Unavailable
from cluster.folder_lock import LOCK_NAME, FolderLock, owner_pid, remove_abandoned
from cluster.runtime import join, wait_for_cluster
from cluster.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def entry(pid: int | None = None, started: float | None = None) -> ClusterFile:
    pid = os.getpid() if pid is None else pid
    return ClusterFile(
        ray_address="127.0.0.1:1",
        url=None,
        pid=pid,
        token="hush",
        started_ms=0,
        pid_started=process_start(pid) or 0.0 if started is None else started,
    )


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_what_is_written_is_found(settings: Settings) -> None:
    write_cluster_file(settings, entry())
    assert find_cluster(settings) == entry()


def test_only_the_owner_may_read_the_file(settings: Settings) -> None:
    write_cluster_file(settings, entry())
    mode = stat.S_IMODE((settings.data / FILE_NAME).stat().st_mode)
    assert mode == 0o600


def test_nothing_else_stays_beside_the_file(settings: Settings) -> None:
    for _ in range(3):
        write_cluster_file(settings, entry())
    assert [path.name for path in settings.data.iterdir()] == [FILE_NAME]


def test_no_file_means_no_cluster(settings: Settings) -> None:
    assert find_cluster(settings) is None


def test_the_file_of_a_dead_process_counts_as_none(settings: Settings) -> None:
    write_cluster_file(settings, entry(pid=dead_pid(), started=1.0))
    assert find_cluster(settings) is None


def test_a_reused_pid_is_not_taken_for_the_cluster(settings: Settings) -> None:
    write_cluster_file(settings, entry(started=12345.0))
    assert find_cluster(settings) is None


def test_a_damaged_file_counts_as_none(settings: Settings) -> None:
    write_cluster_file(settings, entry())
    (settings.data / FILE_NAME).write_text('{"ray_address": ')
    assert find_cluster(settings) is None


def test_only_the_writer_removes_the_file(settings: Settings) -> None:
    write_cluster_file(settings, entry())
    remove_cluster_file(settings, os.getpid() + 1)
    assert find_cluster(settings) is not None
    remove_cluster_file(settings, os.getpid())
    assert find_cluster(settings) is None


def test_the_token_is_the_same_after_a_restart_and_for_its_owner_only(settings: Settings) -> None:
    token = keep_token(settings)
    assert keep_token(settings) == token == token_file(settings).read_text()
    assert len(bytes.fromhex(token)) == 32
    assert stat.S_IMODE(token_file(settings).stat().st_mode) == 0o600


def test_a_token_that_the_operator_gives_is_the_one_kept(settings: Settings) -> None:
    keep_token(settings)
    assert keep_token(settings, "of-the-operator") == "of-the-operator"
    assert token_file(settings).read_text() == "of-the-operator"


@pytest.mark.parametrize("damage", [b"", b"short", b"\xff\xfe", b"0" * 63])
def test_a_damaged_token_is_made_anew(settings: Settings, damage: bytes) -> None:
    keep_token(settings)
    token_file(settings).write_bytes(damage)
    assert len(keep_token(settings)) == 64


def test_a_token_that_others_can_read_is_hidden_from_them(settings: Settings) -> None:
    token = keep_token(settings)
    token_file(settings).chmod(0o644)
    assert keep_token(settings) == token
    assert stat.S_IMODE(token_file(settings).stat().st_mode) == 0o600


def test_without_a_cluster_joining_says_how_to_start_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a process that never touched Ray.
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    with pytest.raises(Unavailable, match="reelyard up"):
        join(settings)


def test_waiting_ends_at_once_when_nobody_starts_a_cluster(settings: Settings) -> None:
    assert wait_for_cluster(settings, timeout_s=60) is None


def test_waiting_lasts_while_another_process_starts_one(settings: Settings) -> None:
    with FolderLock.claim(settings.data):  # type: ignore[union-attr]  # nobody else has it
        assert wait_for_cluster(settings, timeout_s=0.2) is None
        write_cluster_file(settings, entry())
        assert wait_for_cluster(settings, timeout_s=5) == entry()


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
        "import os, sys; from pathlib import Path; from cluster.folder_lock import FolderLock; "
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
