"""From nothing to the first answer, and what the embedded cluster weighs.

Commands as a user types them, each in a fresh process: `reelyard up` to its first HTTP 200,
`reelyard run probe` without a cluster (it starts and stops one) and with one up. Then the memory of
every process of the cluster (PSS: what they share counts once), idle and after some jobs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Self

import psutil

from benchmarks._report import Report, Spread, arguments
from reelyard.cluster.runtime.ray_env import free_ports

REELYARD = [str(Path(sys.executable).with_name("reelyard"))]
WAIT_S = 120.0

_ROLES = (
    ("ray::JobRegistry", "registry"),
    ("ray::PoolManager", "pool manager"),
    ("ray::MediaWorker", "media workers"),
    ("reelyard.actors.worker.codec_process.main", "codec processes"),
    ("ray::ServeController", "Serve controller"),
    ("ray::ProxyActor", "Serve proxies"),
    ("ray::HAProxyManager", "Serve proxies"),
    ("haproxy", "Serve proxies"),
    ("ray::ServeReplica", "API replicas"),
    ("gcs_server", "Ray: gcs_server, raylet"),
    ("raylet/raylet", "Ray: gcs_server, raylet"),
    ("bin/reelyard", "the command itself"),
    *((sign, "Ray: dashboard") for sign in ("dashboard/dashboard.py", "dashboard-", ".dashboard.")),
    ("_private/monitor.py", "Ray: dashboard"),
)


def main() -> int:
    """0: there are no targets, only figures."""
    options = arguments(__doc__)
    rounds = 1 if options.quick else 3
    report = Report("start", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="ryb") as folder:
        clip = _clip(Path(folder))
        cold = [_probe(Path(folder) / f"cold{number}", clip) for number in range(rounds)]
        ups, warm = [], []
        for number in range(rounds):
            with Server(Path(folder) / f"up{number}") as server:
                ups.append(server.up_s)
                warm += [_probe(server.home, clip) for _ in range(2)]
                if number == rounds - 1:
                    _weigh(report, server)
    _tell(report, cold, ups, warm)
    report.finish()
    return 0


class Server:
    """`reelyard up`, measured until its first HTTP 200; within, its dashboard is up as well."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.up_s = 0.0
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        (port,) = free_ports(1)
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [*REELYARD, "up", "--port", str(port), "--json"],
            env=_environment(self.home),
            stdout=subprocess.PIPE,
            text=True,
        )
        _first_200(f"http://127.0.0.1:{port}/healthz", self._process)
        self.up_s = time.perf_counter() - began
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.startswith("}"):
                return self
        raise RuntimeError("reelyard up has ended")

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.communicate(timeout=WAIT_S)

    def memory_mb(self) -> dict[str, float]:
        """PSS by part."""
        assert self._process is not None
        root = psutil.Process(self._process.pid)
        parts: dict[str, float] = defaultdict(float)
        for process in [root, *root.children(recursive=True)]:
            try:
                command = " ".join(process.cmdline())
                parts[_role(command)] += process.memory_full_info().pss / 2**20
            except psutil.NoSuchProcess:
                continue
        return parts


def _first_200(url: str, server: subprocess.Popen[str]) -> None:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.01)
    raise RuntimeError(f"{url} does not answer with 200")


def _probe(home: Path, clip: Path) -> float:
    began = time.perf_counter()
    subprocess.run(
        [*REELYARD, "run", "probe", str(clip), "--json"],
        env=_environment(home),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def _environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "REELYARD_"))}
    return kept | {"REELYARD_DATA_DIR": str(home)}


def _clip(folder: Path) -> Path:
    from reelyard.actors.testing.sample_media import make_sample

    path = folder / "clip.mp4"
    make_sample(path, duration_s=2.0)
    return path


def _role(command: str) -> str:
    return next((role for sign, role in _ROLES if sign in command), "Ray: agents")


def _weigh(report: Report, server: Server) -> None:
    parts = server.memory_mb()
    total = sum(parts.values())
    rows = [(name, round(mb)) for name, mb in sorted(parts.items(), key=lambda item: -item[1])]
    report.table(
        "Memory of the whole embedded cluster, MB (PSS)",
        ("part", "MB"),
        [*rows, ("total", round(total))],
    )
    report.figure("memory_mb", {name: round(mb, 1) for name, mb in parts.items()})
    report.figure("memory_total_mb", round(total, 1))


def _tell(report: Report, cold: list[float], ups: list[float], warm: list[float]) -> None:
    figures = {
        "reelyard up to the first HTTP 200": Spread.of(ups),
        "reelyard run probe, no cluster yet": Spread.of(cold),
        "reelyard run probe, cluster up": Spread.of(warm),
    }
    report.table(
        "Start", ("command", "seconds"), [(name, spread.text()) for name, spread in figures.items()]
    )
    for name, spread in figures.items():
        report.figure(name, spread)


if __name__ == "__main__":
    sys.exit(main())
