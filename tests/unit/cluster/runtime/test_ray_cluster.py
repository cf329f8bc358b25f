"""Joining and waiting for a cluster that is not there, or not yet."""

import sys
from pathlib import Path

import pytest

from reelyard.cluster.errors import Unavailable
from reelyard.cluster.folders.folder_lock import FolderLock
from reelyard.cluster.runtime.cluster_file import write_cluster_file
from reelyard.cluster.runtime.ray_cluster import join, wait_for_cluster
from reelyard.cluster.settings import Settings
from tests.unit.cluster.runtime.cluster_files import cluster_file


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


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
        write_cluster_file(settings, cluster_file())
        assert wait_for_cluster(settings, timeout_s=5) == cluster_file()
