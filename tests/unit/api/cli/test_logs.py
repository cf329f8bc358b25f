"""`reelyard logs` on one machine. On a cluster: `tests/integration/api/cli/test_detached.py`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from reelyard.api.cli.app import build
from reelyard.cluster.logs.structured import configure_logging
from reelyard.cluster.settings import Settings

JOB = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with logs of two actors."""
    monkeypatch.setenv("REELYARD_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("REELYARD_RAY_ADDRESS", raising=False)
    monkeypatch.delenv("REELYARD_URL", raising=False)
    for actor in ("registry", "media-cpu-1"):
        say(tmp_path, actor, "started")
        say(tmp_path, actor, "job_state", job_id=JOB)
    return tmp_path


def say(home: Path, actor: str, event: str, **fields: str) -> None:
    configure_logging(Settings(data_dir=home), actor)
    structlog.get_logger().info(event, **fields)
    structlog.reset_defaults()


def logs(*words: str) -> Result:
    return CliRunner().invoke(build(["logs"]), ["logs", *words])


def told(*words: str) -> list[tuple[str, str]]:
    done = logs(*words)
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [(line["process"], line["event"]) for line in lines]


def test_all_actors_are_told_of_in_order(home: Path) -> None:
    everything = [
        ("registry", "started"),
        ("registry", "job_state"),
        ("media-cpu-1", "started"),
        ("media-cpu-1", "job_state"),
    ]
    assert told() == everything
    assert told("-n", "1") == everything[-1:]
    assert told("--all") == everything
    assert told("--actor", "registry") == everything[:2]
    assert told("--actor", "registry", "--actor", "media-*") == everything


@pytest.mark.parametrize("job_id", [JOB, JOB.replace("-", ""), JOB.upper()])
def test_a_job_is_told_of_by_its_id_in_any_form(home: Path, job_id: str) -> None:
    assert told("--job", job_id) == [("registry", "job_state"), ("media-cpu-1", "job_state")]


def test_an_unknown_actor_is_refused_with_those_there_are(home: Path) -> None:
    done = logs("--actor", "registrar")
    assert done.exit_code == 6
    assert "media-cpu-1, registry" in done.stderr


def test_as_text_there_are_time_actor_and_event(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REELYARD_LOG_FORMAT", "console")
    first = logs().stdout.splitlines()[0]
    assert first.split()[2] == "registry"
    assert "started" in first


def test_a_server_elsewhere_keeps_its_logs_there(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REELYARD_URL", "http://127.0.0.1:1")
    done = logs()
    assert done.exit_code == 2
    assert "REELYARD_RAY_ADDRESS" in done.stderr


def test_before_any_start_there_is_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_DATA_DIR", str(home / "other"))
    assert told() == []


def test_following_goes_on_with_what_comes_until_it_is_interrupted(home: Path) -> None:
    command = [str(Path(sys.executable).with_name("reelyard")), "logs", "-f", "-n", "1"]
    with subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["event"] == "job_state"
        say(home, "registry", "news")
        assert json.loads(following.stdout.readline())["event"] == "news"
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130
