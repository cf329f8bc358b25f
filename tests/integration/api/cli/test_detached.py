"""`reelyard up --detach` on a Ray cluster that was there before, and `reelyard down`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from reelyard import Client
from reelyard.cluster.runtime.ray_env import LOOPBACK, free_ports

BIN = Path(sys.executable).parent
PROBE = """
import sys
from reelyard import connect
with connect(address=sys.argv[1]) as client:
    print(client.wait(client.submit("probe", sys.argv[2]), timeout_s=60).state)
"""

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]


@dataclass
class Head:
    """A Ray head of its own, and an operator's shell that knows where it is."""

    address: str
    env: dict[str, str]

    def reelyard(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "reelyard", *words, "--json"],
            check=False,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture
def head(tmp_path: Path) -> Iterator[Head]:
    port = free_port_below_the_workers()
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "REELYARD_"))}
    ray = {
        "RAY_AUTH_MODE": "disabled",
        LOOPBACK: "0",
        "RAY_SERVE_ENABLE_HA_PROXY": "0",
        "RAY_enable_worker_prestart": "0",
    }
    words = [
        *("--head", "--block", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2"),
        *("--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=80000000"),
    ]
    # Not below tmp_path: a socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="rh", ignore_cleanup_errors=True) as folder:
        command = [str(BIN / "ray"), "start", *words, f"--temp-dir={folder}"]
        with family(subprocess.Popen(command, env=plain | ray, stdout=subprocess.DEVNULL)):
            await_port(port)
            own = {
                "REELYARD_RAY_ADDRESS": f"127.0.0.1:{port}",
                "REELYARD_DATA_DIR": str(tmp_path / "data"),
                "REELYARD_PROXY": "python",
                # Else Ray takes the loopback address for another of this machine's.
                LOOPBACK: "0",
            }
            yield Head(own["REELYARD_RAY_ADDRESS"], plain | own)


@contextmanager
def family(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the process with all its descendants."""
    try:
        yield
    finally:
        everybody = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        for member in everybody:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(everybody, timeout=20)


def free_port_below_the_workers() -> int:
    # Ray gives 10002 to 19999 to its workers.
    for port in range(6400, 10000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


def await_port(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError("the head did not start")


def read(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def processes_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Whose lines `reelyard logs --json` has printed."""
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line)["process"] for line in done.stdout.splitlines()]


def test_a_detached_deployment_outlives_its_command_until_it_is_taken_down(
    head: Head, clips: Path
) -> None:
    (port,) = free_ports(1)
    url = read(head.reelyard("up", "--detach", "--port", str(port)))["url"]
    assert url == f"http://127.0.0.1:{port}"

    with Client(url) as client:
        probe = client.submit("probe", clips / "clip.mp4")
        assert client.wait(probe, timeout_s=60).ok
    by_ray = subprocess.run(
        [sys.executable, "-c", PROBE, head.address, clips / "clip.mp4"],
        check=False,
        env={k: v for k, v in head.env.items() if k != "REELYARD_RAY_ADDRESS"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert by_ray.stdout == "succeeded\n", by_ray.stderr
    assert processes_of(head.reelyard("logs", "--job", probe.job_id)) == ["registry"] * 3
    assert "media-light-1" in processes_of(head.reelyard("logs", "--actor", "media-*"))

    again = head.reelyard("up", "--detach", "--port", "0")
    assert again.returncode == 5
    assert url in again.stdout
    assert "reelyard down" in again.stdout

    assert read(head.reelyard("down")) == {"up": False}
    assert head.reelyard("down").returncode == 4
    assert probe.job_id in {job["job_id"] for job in read(head.reelyard("jobs"))["jobs"]}
    assert processes_of(head.reelyard("logs", "--job", probe.job_id)) == ["registry"] * 3
    with suppress(requests.ConnectionError):
        assert requests.get(f"{url}/livez", timeout=10).status_code == 404

    with Client(read(head.reelyard("up", "--detach"))["url"]) as client:
        assert client.get(probe.job_id).ok
