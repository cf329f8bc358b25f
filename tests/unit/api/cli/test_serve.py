"""`reelyard down` here. On a cluster: `tests/integration/api/cli/test_detached.py`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reelyard.api.cli.app import build
from reelyard.cluster.runtime.cluster_file import ClusterFile, process_start, write_cluster_file
from reelyard.cluster.settings import Settings


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that could be a server."""
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REELYARD_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("REELYARD_RAY_ADDRESS", raising=False)
    return tmp_path


def down() -> Result:
    return CliRunner().invoke(build(["down"]), ["down", "--json"])


def says_it_runs(home: Path, pid: int, url: str | None) -> None:
    started = process_start(pid)
    assert started is not None
    entry = ClusterFile("127.0.0.1:1", url, pid, "hush", 0, started)
    write_cluster_file(Settings(data_dir=home), entry)


def test_a_server_is_ended(home: Path, process: subprocess.Popen[bytes]) -> None:
    says_it_runs(home, process.pid, "http://127.0.0.1:1")
    assert down().exit_code == 0
    assert process.wait(10) == -15


def test_a_program_with_a_cluster_of_its_own_is_left_alone(
    home: Path, process: subprocess.Popen[bytes]
) -> None:
    says_it_runs(home, process.pid, None)
    refused = down()
    assert refused.exit_code == 5
    assert str(process.pid) in refused.output
    assert process.poll() is None


def test_where_nothing_runs_down_says_so(home: Path) -> None:
    assert down().exit_code == 4
