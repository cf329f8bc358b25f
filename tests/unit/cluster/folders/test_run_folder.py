"""The folder of a run: private, short enough for sockets, empty at each start."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from reelyard.cluster.errors import OutputUnwritable
from reelyard.cluster.folders import run_folder
from reelyard.cluster.folders.run_folder import MOST_BYTES, RunFolder, prometheus_targets

SESSION = "session_2026-11-28_08-42-18_065692_4194304"
NODE = "f" * 56


@pytest.fixture
def short() -> Iterator[Path]:
    """A data folder with a short path."""
    with TemporaryDirectory(prefix="ry-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def long(short: Path) -> Path:
    """A data folder with a path too long for sockets."""
    folder = short / "a-folder-of-a-data-disk" / "reelyard"
    folder.mkdir(parents=True)
    return folder


def test_it_is_in_the_data_folder_where_that_is_short_enough(short: Path) -> None:
    run = RunFolder.make(short)
    assert run.path == run.link == short / "run"
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    run.remove()
    assert not run.path.exists()


def test_elsewhere_it_is_as_private_and_the_data_folder_leads_to_it(long: Path) -> None:
    run = RunFolder.make(long)
    try:
        assert run.link == long / "run"
        assert run.link.resolve() == run.path.resolve() != run.link
        assert run.path.stat().st_uid == os.geteuid()
        assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    finally:
        run.remove()
    assert not run.path.exists()
    assert not run.link.is_symlink()


@pytest.mark.parametrize("where", ["short", "long"])
def test_the_longest_sockets_below_it_fit(where: str, request: pytest.FixtureRequest) -> None:
    run = RunFolder.make(request.getfixturevalue(where))
    try:
        room = MOST_BYTES - len(os.fsencode(run.path))
        sockets = (run.ray / SESSION / "sockets" / "dash_TrainHead", run.path / NODE / "s")
        assert [len(os.fsencode(path)) + room for path in sockets] <= [107, 97]
    finally:
        run.remove()


@pytest.mark.parametrize("where", ["short", "long"])
def test_what_a_killed_run_has_left_is_ended_and_removed(
    where: str, request: pytest.FixtureRequest
) -> None:
    data = request.getfixturevalue(where)
    first = RunFolder.make(data)
    (first.path / "rest").touch()
    sleep = [sys.executable, "-c", "import time; time.sleep(60)", f"{first.path}/haproxy/cfg"]
    with subprocess.Popen(sleep) as left:
        second = RunFolder.make(data)
        try:
            assert not (second.path / "rest").exists()
            assert left.poll() is not None
            assert first.path == second.path or not first.path.exists()
        finally:
            left.kill()
            second.remove()
            first.remove()


def test_a_link_to_somewhere_else_costs_nothing_there(short: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    (short / "run").symlink_to(tmp_path)
    RunFolder.make(short).remove()
    assert (tmp_path / "precious").exists()


def test_where_the_temporary_folder_can_not_be_trusted_another_is_taken(
    long: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tmp", "o"):
        (short / name).mkdir()
    (short / "tmp").chmod(0o777)
    monkeypatch.setattr(run_folder, "SHARED", short / "tmp")
    monkeypatch.setattr("tempfile.tempdir", str(short / "tmp"))
    with pytest.raises(OutputUnwritable, match="XDG_RUNTIME_DIR"):
        RunFolder.make(long, {})
    run = RunFolder.make(long, {"XDG_RUNTIME_DIR": str(short / "o")})
    assert run.path.parent == short / "o"
    run.remove()


def test_the_targets_for_prometheus_are_at_the_same_place_each_time(long: Path) -> None:
    for _ in range(2):
        run = RunFolder.make(long)
        run.ray.mkdir()
        (run.ray / "prom_metrics_service_discovery.json").write_text("[]")
        assert prometheus_targets(long).read_text() == "[]"
        run.remove()
