"""`reelyard doctor` on this machine, without a cluster."""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from reelyard.api.cli.app import build
from reelyard.cluster.settings import Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"REELYARD_{name.upper()}", raising=False)
    tmp_path.chmod(0o700)
    monkeypatch.setenv("REELYARD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("REELYARD_PORT", "0")
    monkeypatch.setenv("REELYARD_SCRATCH_RESERVE_BYTES", "0")
    return tmp_path / "data"


def doctor() -> tuple[int, dict[str, dict[str, Any]]]:
    result = CliRunner().invoke(build(["doctor"]), ["doctor", "--json"])
    told = json.loads(result.stdout)
    return result.exit_code, {check["name"]: check for check in told["checks"]}


def test_a_machine_that_is_well_has_nothing_to_mend_and_is_left_as_it_was(home: Path) -> None:
    code, found = doctor()
    assert code == 0
    assert not [check for check in found.values() if check["verdict"] == "fail"]
    assert not home.exists()


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("PORT", "abc", "settings"),
        ("STORE_URL", "mysql://x", "store"),
        ("STORE_URL", "redis://127.0.0.1:1/0", "store"),
        ("STORAGE_URL", "ftp://x/y", "storage"),
        ("LOG_DIR", "/etc/passwd", "disk"),
        ("OPERATIONS", "/no/such/file.py", "operations"),
        ("POOLS", '{"cpu": {"max_workers": 0, "min_workers": 1}}', "pools"),
        ("HOST", "0.0.0.0", "port"),
        ("HOST", "no-such-host.invalid", "port"),
        ("RAY_ADDRESS", "127.0.0.1:1", "cluster"),
        ("DISK_RESERVE_BYTES", str(1 << 60), "disk_store"),
    ],
)
@pytest.mark.usefixtures("home")
def test_what_is_wrong_is_told_by_name_with_what_to_do(
    variable: str, value: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"REELYARD_{variable}", value)
    code, found = doctor()
    assert code == 1
    assert found[name]["verdict"] == "fail"
    assert found[name]["found"]
    assert found[name]["advice"]


def test_a_port_in_use_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        monkeypatch.setenv("REELYARD_PORT", str(other.getsockname()[1]))
        assert doctor()[1]["port"]["verdict"] == "fail"


def test_what_a_killed_server_left_is_told(home: Path) -> None:
    (home / "run").mkdir(parents=True, mode=0o700)
    home.chmod(0o700)
    left = doctor()[1]["leftovers"]
    assert (left["verdict"], left["found"]) == ("warn", os.fspath(home / "run"))
