"""Polls of one client with and without a crowd that holds connections and asks for nothing.

5,000 idle connections, 500 whose heads and 500 whose bodies come a byte a second, from eight
addresses, opened again as fast as the server cuts them off. Beside them a client polls a job, over
one connection and over a new one each time. The two cases, alone and beside the crowd, take turns.
"""

from __future__ import annotations

import http.client
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

from benchmarks.harness.http_server import http_server
from benchmarks.harness.report import Report, arguments
from benchmarks.harness.runs import Runs, Sample, extra, in_turns
from benchmarks.harness.statistics import Spread, percentile
from reelyard.cluster.settings import Settings

ALONE, BESIDE = "alone", "beside the crowd"
POLLS = 150
PAUSE_S = 0.01
MOST = 2.0
"""Times that a poll may take beside the crowd, to one without it."""
OWN_FILES = 200
"""Files that a process has open beside its connections."""
_AFTER_S = 1.0
"""For the server to notice that the crowd has gone."""


@dataclass(frozen=True)
class Crowd:
    """Connections that do nothing, by kind."""

    idle: int
    heads: int
    bodies: int

    @property
    def size(self) -> int:
        """All of them."""
        return sum(astuple(self))

    def fitting(self, files: int) -> Crowd:
        """As much of it as a process may hold that may open so many files; the kinds in the same
        parts."""
        share = min(1.0, max(0, files - OWN_FILES) / self.size)
        return Crowd(*(int(count * share) for count in astuple(self)))


WHOLE = Crowd(idle=5_000, heads=500, bodies=500)


def main() -> None:
    """Run it."""
    options = arguments(__doc__, rounds={"type": int, "help": "pairs of runs"})
    rounds = options.rounds or (4 if options.quick else 9)
    report = Report("crowd", quick=options.quick)
    files = _open_all_files()
    crowd = WHOLE.fitting(files)
    if crowd != WHOLE:
        report.note(f"a process may open {files:,} files here: the crowd is only {crowd.size:,}")
    with tempfile.TemporaryDirectory(prefix="ryb") as folder:
        settings = Settings(data_dir=Path(folder), port=0, log_level="error")
        with http_server(settings) as port:
            path = _submit(port)
            sides = {
                ALONE: partial(_poll, port, path),
                BESIDE: partial(_poll_beside, port, path, crowd),
            }
            _tell(report, crowd, in_turns(sides, rounds, report.meter))
    report.finish()


def _open_all_files() -> int:
    """Let this process and those it starts open as many files as they may; how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def _submit(port: int) -> str:
    body = json.dumps({"operation": "probe", "url": "http://media.test/clip.mp4"})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/v1/jobs", body, {"Content-Type": "application/json"})
    job_id = json.loads(connection.getresponse().read())["job_id"]
    connection.close()
    return f"/v1/jobs/{job_id}"


def _poll_beside(port: int, path: str, crowd: Crowd) -> Sample:
    with _held(port, crowd) as held:
        sample = _poll(port, path)
    return Sample(sample.wall_s, extra={**sample.extra, "held": held})


@contextmanager
def _held(port: int, crowd: Crowd) -> Iterator[float]:
    """The crowd is there; how many of its connections the server took."""
    command = [sys.executable, "-m", "benchmarks.harness.crowd_process", str(port)]
    command += [str(count) for count in astuple(crowd)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield float(process.stdout.readline())
        process.communicate()
    time.sleep(_AFTER_S)


def _poll(port: int, path: str) -> Sample:
    began = time.perf_counter()
    kept, new = _times(port, path, anew=False), _times(port, path, anew=True)
    figures = {
        f"{name} p{percent}": percentile(times, percent)
        for name, times in (("kept", kept), ("new", new))
        for percent in (50, 95)
    }
    return Sample(time.perf_counter() - began, extra={key: 1000 * s for key, s in figures.items()})


def _times(port: int, path: str, *, anew: bool) -> list[float]:
    """Seconds of each poll, that of its connection included; raises for any other answer."""
    times = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(POLLS):
        began = time.perf_counter()
        connection.request("GET", path, headers={"Connection": "close"} if anew else {})
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"a poll was answered with {answer.status}")
        time.sleep(PAUSE_S)
    connection.close()
    return times


def _tell(report: Report, crowd: Crowd, runs: Runs) -> None:
    rows = []
    for connection in ("kept", "new"):
        for percent in (50, 95):
            name = f"{connection} p{percent}"
            ratio = runs.ratio(BESIDE, ALONE, extra(name))
            spreads = {side: runs.spread(side, extra(name)) for side in (ALONE, BESIDE)}
            rows.append([name, *(spread.text(1) for spread in spreads.values()), ratio.text()])
            report.figure(f"connection {name}", {**spreads, "ratio": ratio})
            label = "one connection" if connection == "kept" else "a new connection each"
            report.at_most(f"poll p{percent}, {label}: beside the crowd / alone", ratio, MOST)
    report.table(
        f"polls, ms; {crowd.idle:,} idle, {crowd.heads} slow heads, {crowd.bodies} slow bodies",
        ["connection", *(ALONE, BESIDE), "ratio"],
        rows,
    )
    held = runs.spread(BESIDE, extra("held"))
    share = Spread.of([count / crowd.size for count in held.values])
    report.at_least("connections of the crowd that the server took", share, 1.0, timed=False)


if __name__ == "__main__":
    main()
