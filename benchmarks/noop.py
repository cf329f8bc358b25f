"""Jobs that do nothing, end to end and durable, against Celery + Redis in the same run.

The whole engine as `reelyard up` starts it (registry on SQLite with synchronous=FULL, pool manager,
workers with their codec processes), jobs submitted through the registry client. Celery: a prefork
worker with a process a core, a Redis-compatible server without persistence, jobs sent over one
connection until the result of each is stored. Beside them the floor of what Ray allows: a bare
actor with a list in memory and bare actors that pull from it.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness.noise import cores
from benchmarks.harness.processes import cpu_s, family
from benchmarks.harness.report import Report, arguments
from benchmarks.harness.runs import Runs, Sample, cpu, extra, in_turns
from benchmarks.rivals.bare_loop import BATCH, BareLoop
from benchmarks.rivals.celery_cluster import CeleryCluster
from benchmarks.rivals.celery_tasks import noop
from reelyard.actors.jobs.model import JobSpec
from reelyard.cluster.settings import Settings

OPERATION = Path(__file__).parent / "harness" / "noop_operation.py"
PREFETCH = 32
"""Jobs ahead of each of Celery's processes: with its usual 4 short jobs wait for each other."""
LEAST_RATE, MOST_CPU = 2.5, 0.5
"""Ours to Celery's."""
OURS, CELERY, FLOOR = "engine, durable", "Celery + Redis", "bare Ray pull loop"

_ROLES = {
    "ray::JobRegistry": "registry (with SQLite)",
    "ray::MediaWorker": "media workers",
    "ray::PoolManager": "pool manager",
    "ray::Bare": "bare queue and pullers",
    "raylet": "raylet",
    "gcs_server": "gcs_server",
    "benchmarks.rivals.celery_tasks": "Celery",
    "valkey": "Celery",
}


def main() -> None:
    """Run it."""
    options = arguments(
        __doc__,
        jobs={"type": int, "help": "jobs a run"},
        rounds={"type": int, "help": "runs of each side"},
    )
    jobs = options.jobs or (4_000 if options.quick else 20_000)
    rounds = options.rounds or (4 if options.quick else 7)
    report = Report("noop", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="ryb") as folder:
        settings = Settings(data_dir=Path(folder), operations=[str(OPERATION)], log_format="json")
        from reelyard.cluster.runtime.ray_cluster import start_embedded

        with start_embedded(settings), CeleryCluster(Path(folder), cores(), PREFETCH) as celery:
            from reelyard.actors.engine import start_engine, stop_engine

            start_engine(settings)
            try:
                sides = {
                    OURS: partial(Engine(settings).run, jobs),
                    CELERY: partial(celery.run, noop, [()] * jobs),
                    FLOOR: partial(_floor, BareLoop(cores()), jobs),
                }
                _tell(report, jobs, in_turns(sides, rounds, report.meter))
            finally:
                stop_engine(settings)
    report.finish()


def _floor(loop: BareLoop, jobs: int) -> Sample:
    used, began = cpu_s(), time.perf_counter()
    loop.run(jobs)
    wall = time.perf_counter() - began
    return Sample(wall, cpu_s() - used, {"rate": jobs / wall})


class Engine:
    """The real thing."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def run(self, jobs: int) -> Sample:
        """All jobs from the first submit until the last is committed."""
        return asyncio.run(self._run(jobs))

    async def _run(self, jobs: int) -> Sample:
        from reelyard.api.registry_client.client import RegistryClient

        client = RegistryClient.over_ray(self.settings)
        before = (await client.overview()).jobs
        roles, used, began = cpu_by_role(), cpu_s(), time.perf_counter()
        specs = [JobSpec(operation="noop", dialect="python") for _ in range(jobs)]
        submitting = asyncio.create_task(self._submit(client, specs))
        while True:
            now = (await client.overview()).jobs
            if now["failed"] > before["failed"]:
                raise RuntimeError("a job that does nothing has failed")
            if now["succeeded"] - before["succeeded"] >= jobs:
                break
            await asyncio.sleep(0.05)
        wall = time.perf_counter() - began
        used = cpu_s() - used
        await submitting
        await client.close()
        spent = {role: seconds - roles.get(role, 0.0) for role, seconds in cpu_by_role().items()}
        per_job = {f"cpu: {role}": 1e6 * seconds / jobs for role, seconds in spent.items()}
        return Sample(wall, used, {"rate": jobs / wall, **per_job})

    async def _submit(self, client: Any, specs: list[JobSpec]) -> None:
        from reelyard.actors.jobs.messages import Accepted

        for start in range(0, len(specs), BATCH):
            answers = await client.submit(specs[start : start + BATCH])
            assert all(isinstance(answer, Accepted) for answer in answers)


def cpu_by_role() -> dict[str, float]:
    """CPU seconds so far of this process and its descendants, ended ones too, by what they are."""
    used: dict[str, float] = defaultdict(float)
    for process, role in _roles():
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        used[role] += times.user + times.system
        # Codec processes are renewed after some hundred tasks.
        child = "codec processes" if role == "media workers" else role
        used[child] += times.children_user + times.children_system
    return used


def _roles() -> Iterator[tuple[psutil.Process, str]]:
    for process in family():
        if process.pid == os.getpid():
            yield process, "driver (plans and submits)"
            continue
        try:
            command = " ".join(process.cmdline())
            parent = process.parent()
            above = " ".join(parent.cmdline()) if parent else ""
        except psutil.Error:
            continue
        if "ray::MediaWorker" in above:
            yield process, "codec processes"
            continue
        yield process, next((r for key, r in _ROLES.items() if key in command), "rest of Ray")


def _tell(report: Report, jobs: int, runs: Runs) -> None:
    rows = []
    for side in (OURS, CELERY, FLOOR):
        rate = runs.spread(side, extra("rate"))
        used = runs.spread(side, lambda sample: 1e6 * sample.cpu_s / jobs)
        rows.append([side, rate.text(0), used.text(0)])
        report.figure(side, {"jobs/s": rate, "CPU us a job": used})
    report.table(f"{jobs:,} jobs a run", ["", "jobs/s", "CPU us a job"], rows)
    roles = sorted({name for sample in runs.sides[OURS] for name in sample.extra} - {"rate"})
    spreads = {role: runs.spread(OURS, lambda s, r=role: s.extra.get(r, 0.0)) for role in roles}  # type: ignore[misc]
    rows = [[r.removeprefix("cpu: "), spreads[r].text(0)] for r in roles if spreads[r].median >= 1]
    report.table("CPU of the engine", ["process", "us a job"], rows)
    report.figure("CPU us a job by process", {r: spreads[r].median for r in roles})
    ratio = runs.ratio(OURS, CELERY, extra("rate"))
    report.at_least("jobs/s, ours (durable) / Celery (in memory)", ratio, LEAST_RATE)
    report.at_most("CPU a job, ours / Celery", runs.ratio(OURS, CELERY, cpu), MOST_CPU)
    floor = runs.ratio(OURS, FLOOR, extra("rate"))
    report.note(f"ours to the bare loop, which keeps and checks nothing: {floor.text()}")


if __name__ == "__main__":
    main()
