"""From nothing to the first answer, and memory, against bare Ray in the same run.

Commands as a user types them, each in a fresh process: `reelyard up` to its first HTTP 200, against
a script that starts Ray and serves one page; `reelyard run probe` without a cluster (it starts and
stops one), against a script that starts Ray and opens the same file in a task. Memory is that of
every process of the server at rest (PSS: what they share counts once), dashboards included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.harness.processes import memory_mb, run_process
from benchmarks.harness.report import Report, arguments
from benchmarks.harness.runs import Run, Runs, Sample, extra, in_turns, wall
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.runtime.ray_env import free_ports

REELYARD = [str(Path(sys.executable).with_name("reelyard"))]
BARE = [sys.executable, "-m", "benchmarks.rivals.bare_ray"]
OURS, THEIRS = "reelyard", "bare Ray"
WAIT_S = 600.0
MOST_UP, MOST_RUN, MOST_MEMORY = 1.5, 1.25, 1.8
"""Ours to bare Ray."""

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
    ("benchmarks.rivals.bare_ray", "the command itself"),
    *((sign, "Ray: dashboard") for sign in ("dashboard/dashboard.py", "dashboard-", ".dashboard.")),
    ("_private/monitor.py", "Ray: dashboard"),
)


def main() -> None:
    """Run it."""
    options = arguments(__doc__, rounds={"type": int, "help": "starts of each kind"})
    rounds = options.rounds or (3 if options.quick else 7)
    report = Report("start", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="ryb") as folder:
        root, numbers = Path(folder), count()
        clip = make_sample(root / "clip.mp4", duration_s=2.0)
        command = [*REELYARD, "run", "probe", str(clip), "--json"]

        def ours() -> Sample:
            home = root / f"run{next(numbers)}"
            return run_process(command, env=_environment(home))

        def theirs() -> Sample:
            return run_process([*BARE, "probe", str(clip)], env=_environment(root / "bare"))

        cold = in_turns({OURS: ours, THEIRS: theirs}, rounds, report.meter)
        parts: dict[str, dict[str, float]] = {}
        servers: dict[str, Run] = {
            OURS: lambda: _up(root / f"up{next(numbers)}", parts, clip),
            THEIRS: partial(_serve, root / "bare", parts),
        }
        ups = in_turns(servers, rounds, report.meter, warm=False)
    _tell(report, cold, ups)
    _tell_memory(report, parts)
    report.finish()


def _up(home: Path, parts: dict[str, dict[str, float]], clip: Path) -> Sample:
    (port,) = free_ports(1)
    command = [*REELYARD, "up", "--port", str(port), "--json"]
    # The last line of what it tells comes when the dashboard is there.
    return _first_answer(OURS, command, home, f"127.0.0.1:{port}/healthz", "}", parts, clip)


def _serve(home: Path, parts: dict[str, dict[str, float]]) -> Sample:
    (port,) = free_ports(1)
    command = [*BARE, "serve", str(port)]
    return _first_answer(THEIRS, command, home, f"127.0.0.1:{port}/", "up", parts, None)


def _first_answer(
    side: str,
    command: list[str],
    home: Path,
    url: str,
    last_line: str,
    parts: dict[str, dict[str, float]],
    clip: Path | None,
) -> Sample:
    """Start a server; seconds until it answers with 200, and its memory in MB then. `clip`: one
    more figure, the seconds of a probe by the command beside it."""
    began = time.perf_counter()
    # Serve tells its start there, and Ray its end.
    quiet = subprocess.DEVNULL if side == THEIRS else None
    with subprocess.Popen(
        command, env=_environment(home), stdout=subprocess.PIPE, stderr=quiet, text=True
    ) as server:
        try:
            _wait_for_200(f"http://{url}", server)
            took = time.perf_counter() - began
            assert server.stdout is not None
            while not (line := server.stdout.readline()).startswith(last_line):
                if not line:
                    raise RuntimeError(f"{command[0]} has ended")
            parts[side] = memory_mb(server.pid, _role)
            figures = {"memory_mb": sum(parts[side].values())}
            if clip is not None:
                probe = [*REELYARD, "run", "probe", str(clip), "--json"]
                figures["probe_s"] = run_process(probe, env=_environment(home)).wall_s
        finally:
            server.terminate()
            server.communicate(timeout=WAIT_S)
    return Sample(took, extra=figures)


def _wait_for_200(url: str, server: subprocess.Popen[str]) -> None:
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


def _environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "REELYARD_"))}
    return kept | {"REELYARD_DATA_DIR": str(home), "RAY_USAGE_STATS_ENABLED": "0"}


def _role(command: str) -> str:
    return next((role for sign, role in _ROLES if sign in command), "Ray: agents")


def _tell(report: Report, cold: Runs, ups: Runs) -> None:
    rows = [
        (f"{name}: {side}", runs.spread(side, wall).text(1))
        for name, runs in (("probe, no cluster yet", cold), ("server, first 200", ups))
        for side in (OURS, THEIRS)
    ]
    warm = ups.spread(OURS, extra("probe_s"))
    report.table("Start", ("", "seconds"), [*rows, ("probe, cluster up: reelyard", warm.text(1))])
    report.figure("probe, cluster up, s", warm)
    for name, runs, figure, most in (
        ("first 200 of a server", ups, wall, MOST_UP),
        ("probe without a cluster", cold, wall, MOST_RUN),
        ("memory of a server at rest", ups, extra("memory_mb"), MOST_MEMORY),
    ):
        ratio = runs.ratio(OURS, THEIRS, figure)
        report.figure(name, {side: runs.spread(side, figure) for side in (OURS, THEIRS)})
        report.at_most(f"{name}, ours / bare Ray", ratio, most, timed=figure is wall)


def _tell_memory(report: Report, parts: dict[str, dict[str, float]]) -> None:
    roles = sorted({role for found in parts.values() for role in found})
    rows = [(role, *(round(parts[side].get(role, 0)) for side in (OURS, THEIRS))) for role in roles]
    total = [round(sum(parts[side].values())) for side in (OURS, THEIRS)]
    report.table("Memory at rest, MB (PSS)", ("part", OURS, THEIRS), [*rows, ("total", *total)])
    report.figure("memory, MB", parts)


if __name__ == "__main__":
    main()
