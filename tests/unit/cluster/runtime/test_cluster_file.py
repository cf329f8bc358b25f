"""The file by which the embedded cluster of this machine is found, and its token."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reelyard.cluster.errors import UnsafeFolder
from reelyard.cluster.runtime.cluster_file import (
    FILE_NAME,
    commands_file,
    find_cluster,
    keep_token,
    remove_cluster_file,
    token_file,
    write_cluster_file,
    write_commands_file,
)
from reelyard.cluster.settings import Settings
from tests.unit.cluster.runtime.cluster_files import cluster_file


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_what_is_written_is_found(settings: Settings) -> None:
    write_cluster_file(settings, cluster_file())
    assert find_cluster(settings) == cluster_file()


def test_only_the_owner_may_read_the_file(settings: Settings) -> None:
    write_cluster_file(settings, cluster_file())
    mode = stat.S_IMODE((settings.data / FILE_NAME).stat().st_mode)
    assert mode == 0o600


def test_nothing_else_stays_beside_the_file(settings: Settings) -> None:
    for _ in range(3):
        write_cluster_file(settings, cluster_file())
    assert [path.name for path in settings.data.iterdir()] == [FILE_NAME]


def test_no_file_means_no_cluster(settings: Settings) -> None:
    assert find_cluster(settings) is None


def test_the_file_of_a_dead_process_counts_as_none(settings: Settings) -> None:
    write_cluster_file(settings, cluster_file(pid=dead_pid(), started=1.0))
    assert find_cluster(settings) is None


def test_a_reused_pid_is_not_taken_for_the_cluster(settings: Settings) -> None:
    write_cluster_file(settings, cluster_file(started=12345.0))
    assert find_cluster(settings) is None


def test_a_damaged_file_counts_as_none(settings: Settings) -> None:
    write_cluster_file(settings, cluster_file())
    (settings.data / FILE_NAME).write_text('{"ray_address": ')
    assert find_cluster(settings) is None


def test_only_the_writer_removes_the_file(settings: Settings) -> None:
    write_cluster_file(settings, cluster_file())
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_file_of_somebody_else_is_not_followed(settings: Settings) -> None:
    write_cluster_file(settings, cluster_file())
    os.chown(settings.data / FILE_NAME, 54321, 54321)
    with pytest.raises(UnsafeFolder, match=r"cluster\.json belongs to uid 54321"):
        find_cluster(settings)


def test_rays_own_commands_get_what_they_need_from_a_script_that_goes_with_the_cluster(
    settings: Settings,
) -> None:
    write_cluster_file(settings, cluster_file())
    write_commands_file(settings, {"RAY_ADDRESS": "127.0.0.1:1", "RAY_AUTH_TOKEN_PATH": "/a b/c"})
    script = commands_file(settings)
    assert stat.S_IMODE(script.stat().st_mode) == 0o600
    shell = f'. "{script}"; echo "$RAY_ADDRESS,$RAY_AUTH_TOKEN_PATH,$RAY_AUTH_TOKEN"'
    environment = {"RAY_AUTH_TOKEN": "of another cluster"}
    said = subprocess.run(
        ["/bin/sh", "-c", shell], check=True, env=environment, capture_output=True, text=True
    )
    assert said.stdout == "127.0.0.1:1,/a b/c,\n"
    remove_cluster_file(settings, os.getpid())
    assert not script.exists()
