"""The embedded cluster as a whole: its sockets, its file, its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from reelyard.cluster.errors import Conflict
from reelyard.cluster.runtime.cluster_file import FILE_NAME, find_cluster
from reelyard.cluster.runtime.ray_cluster import start_embedded
from reelyard.cluster.settings import Settings
from tests.integration.actors.worker.running_engine import RunningEngine
from tests.paths import ROOT

PROGRAM = "tests.integration.actors.worker.embedded_cluster_program"

pytestmark = [pytest.mark.ray, pytest.mark.timeout(200)]


@dataclass
class Run:
    """A running embedded cluster of another process."""

    settings: Settings
    process: subprocess.Popen[str]
    family: list[psutil.Process]
    """All its processes."""


@pytest.fixture
def run() -> Iterator[Run]:
    with tempfile.TemporaryDirectory(prefix="ry-run-") as folder:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RAY_", "REELYARD_"))
        }
        process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM, folder],
            cwd=ROOT,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            assert process.stdout.readline() == "up\n"
            family = psutil.Process(process.pid).children(recursive=True)
            yield Run(Settings(data_dir=Path(folder)), process, family)
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


def foreign_sockets(family: list[psutil.Process]) -> set[str]:
    """Addresses other than the loopback that these processes listen on."""
    found = set()
    for process in family:
        for connection in process.net_connections(kind="inet"):
            if connection.status != psutil.CONN_LISTEN:
                continue
            if connection.laddr.ip.removeprefix("::ffff:") not in ("127.0.0.1", "::1"):
                found.add(f"{process.name()} {connection.laddr}")
    return found


def test_kill_9_of_the_starter_leaves_no_process_behind(run: Run) -> None:
    assert foreign_sockets(run.family) == set()
    found = find_cluster(run.settings)
    assert found is not None
    assert found.pid == run.process.pid
    assert found.url == "http://127.0.0.1:1"
    with pytest.raises(Conflict, match=str(run.process.pid)):
        start_embedded(run.settings)
    run.process.kill()
    run.process.wait()
    RunningEngine.until(lambda: not any(alive(process) for process in run.family), timeout_s=60)
    # The file is still there, and counts for nothing.
    assert (run.settings.data / FILE_NAME).exists()
    assert find_cluster(run.settings) is None


def test_a_stopped_cluster_leaves_neither_processes_nor_its_file(run: Run) -> None:
    assert run.process.stdin is not None
    run.process.stdin.write("stop\n")
    run.process.stdin.flush()
    assert run.process.wait(60) == 0
    assert not (run.settings.data / FILE_NAME).exists()
    assert list((run.settings.data / "scratch").iterdir()) == []
    RunningEngine.until(lambda: not any(alive(process) for process in run.family), timeout_s=60)
    left = {path.name for path in run.settings.data.iterdir()}
    assert left == {".owner.lock", "jobs.db", "logs", "ray.token", "scratch"}
    (job,) = reelyard(run.settings, "jobs", "--json")["jobs"]
    assert (job["state"], job["operation"]) == ("failed", "probe")
    logs = run.settings.data / "logs"
    told = "".join(path.read_text() for path in logs.glob("*.log"))
    assert told.count(job["job_id"]) >= 4
    assert list(logs.glob("ray/session_*/raylet.out"))


def reelyard(settings: Settings, *words: str) -> Any:
    """What the command prints as JSON."""
    command = [str(Path(sys.executable).with_name("reelyard")), *words]
    environment = os.environ | {"REELYARD_DATA_DIR": str(settings.data)}
    done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_without_a_dashboard_nothing_runs_that_only_serves_one(engine: RunningEngine) -> None:
    lines = [" ".join(p.cmdline()) for p in psutil.Process().children(recursive=True)]
    assert any("raylet/raylet" in line for line in lines)
    for idle in ("dashboard/dashboard.py", "monitor.py"):
        assert not [line for line in lines if idle in line]
    session = engine.settings.data / "run" / "ray" / "session_latest"
    said = (session / "logs" / "dashboard_agent.log").read_text()
    assert "Get dashboard http address failed" not in said


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
