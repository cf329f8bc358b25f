"""Jobs that do nothing, end to end: submitted, leased, run by codec processes, committed, durable.

The whole engine as `reelyard up` starts it (registry on SQLite with synchronous=FULL, pool manager,
MediaWorkers with their codec processes), jobs submitted through the registry client. Beside it, in
the same cluster and run, the floor: a bare Ray actor with a list in memory, and as many bare actors
that pull from it, with nothing durable, no codec process and no checks.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks._report import Report, Sample, Spread, arguments, paired
from reelyard.actors.jobs.model import JobSpec
from reelyard.cluster.settings import Settings

OPERATION = Path(__file__).with_name("_noop_operation.py")
BATCH = 500
PULL = 64
"""Jobs a call of the bare loop."""
WORKERS = 2

_ROLES = {
    "ray::JobRegistry": "registry (with SQLite)",
    "ray::MediaWorker": "media workers",
    "ray::PoolManager": "pool manager",
    "ray::BareQueue": "bare queue",
    "ray::BarePuller": "bare pullers",
    "raylet": "raylet",
    "gcs_server": "gcs_server",
}


def main() -> None:
    """Run it."""
    options = arguments(__doc__, jobs={"type": int, "default": 0, "help": "jobs a run"})
    jobs = options.jobs or (5_000 if options.quick else 20_000)
    rounds = 2 if options.quick else 5
    report = Report("noop", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="ryb") as folder:
        settings = Settings(data_dir=Path(folder), operations=[str(OPERATION)], log_format="json")
        from reelyard.cluster.runtime.ray_cluster import start_embedded

        with start_embedded(settings):
            from reelyard.actors.engine import start_engine, stop_engine

            start_engine(settings)
            try:
                ours, floor = Engine(settings), BareLoop()
                pair = paired(lambda: ours.run(jobs), lambda: floor.run(jobs), rounds)
                _tell(report, jobs, pair.ours, pair.theirs)
            finally:
                stop_engine(settings)
    report.finish()


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
        cpu, began = cpu_by_role(), time.perf_counter()
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
        submitted = await submitting
        await client.close()
        return _sample(wall, cpu, jobs, {"submit_s": submitted})

    async def _submit(self, client: Any, specs: list[JobSpec]) -> float:
        from reelyard.actors.jobs.messages import Accepted

        began = time.perf_counter()
        for start in range(0, len(specs), BATCH):
            answers = await client.submit(specs[start : start + BATCH])
            assert all(isinstance(answer, Accepted) for answer in answers)
        return time.perf_counter() - began


class BareLoop:
    """A list in an actor, and actors that take from it."""

    def __init__(self) -> None:
        import ray

        self.queue = ray.remote(BareQueue).options(num_cpus=0, max_concurrency=100).remote()
        self.pullers = [
            ray.remote(BarePuller).options(num_cpus=0).remote(self.queue) for _ in range(WORKERS)
        ]

    def run(self, jobs: int) -> Sample:
        """All jobs from the first submit until the last is acknowledged."""
        import ray

        cpu, began = cpu_by_role(), time.perf_counter()
        pulling = [puller.pull.remote(PULL) for puller in self.pullers]
        for start in range(0, jobs, BATCH):
            names = [f"job-{number}" for number in range(start, min(jobs, start + BATCH))]
            ray.get(self.queue.submit.remote(names))
        ray.get(self.queue.close.remote())
        assert sum(ray.get(pulling)) == jobs
        return _sample(time.perf_counter() - began, cpu, jobs, {})


class BareQueue:
    """Names of jobs in memory."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.closing = False
        self.done = 0

    async def submit(self, names: list[str]) -> None:
        """Take names in."""
        self.waiting += names

    async def lease(self, want: int, done: int) -> list[str] | None:
        """Up to `want` names, waiting a moment for some; None at the end."""
        self.done += done
        for _ in range(1000):
            taken, self.waiting = self.waiting[:want], self.waiting[want:]
            if taken:
                return taken
            if self.closing:
                return None
            await asyncio.sleep(0.001)
        return []

    async def close(self) -> None:
        """No more will come."""
        self.closing = True

    async def open(self) -> None:
        """More will come."""
        self.closing = False


class BarePuller:
    """Pulls until the end."""

    def __init__(self, queue: Any) -> None:
        self.queue = queue

    def pull(self, want: int) -> int:
        """How many names this one got."""
        import ray

        ray.get(self.queue.open.remote())
        total = done = 0
        while (taken := ray.get(self.queue.lease.remote(want, done))) is not None:
            done = len(taken)
            total += done
        return total


def _sample(wall: float, before: dict[str, float], jobs: int, extra: dict[str, float]) -> Sample:
    now = cpu_by_role()
    spent = {role: seconds - before.get(role, 0.0) for role, seconds in now.items()}
    used = {role: seconds for role, seconds in spent.items() if seconds > 0}
    roles = {f"cpu: {role}": seconds * 1e6 / jobs for role, seconds in used.items()}
    return Sample(wall, sum(used.values()), {"rate": jobs / wall, **roles, **extra})


def cpu_by_role() -> dict[str, float]:
    """CPU seconds so far of this process and its descendants, by what they are."""
    used: dict[str, float] = defaultdict(float)
    for process, role in _family():
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        used[role] += times.user + times.system
    return used


def _family() -> Iterator[tuple[psutil.Process, str]]:
    own = psutil.Process(os.getpid())
    yield own, "driver (plans and submits)"
    for process in own.children(recursive=True):
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


def _tell(report: Report, jobs: int, ours: list[Sample], floor: list[Sample]) -> None:
    rate = Spread.of([sample.extra["rate"] for sample in ours])
    bare = Spread.of([sample.extra["rate"] for sample in floor])
    report.table(
        f"{jobs:,} jobs a run, {WORKERS} workers",
        ["", "jobs/s", "CPU us a job"],
        [
            ["engine, durable", rate.text(0), _cpu_us(ours, jobs).text(0)],
            ["bare Ray pull loop", bare.text(0), _cpu_us(floor, jobs).text(0)],
        ],
    )
    roles = sorted({name for sample in ours for name in sample.extra if name.startswith("cpu: ")})
    spreads = {r: Spread.of([sample.extra.get(r, 0.0) for sample in ours]) for r in roles}
    rows = [[r.removeprefix("cpu: "), spreads[r].text(0)] for r in roles if spreads[r].median >= 1]
    report.table("CPU of the engine", ["process", "us a job"], rows)
    report.figure("jobs/s", rate)
    report.figure("bare loop jobs/s", bare)
    report.figure("cpu us a job", {role: spread.median for role, spread in spreads.items()})
    report.figure("submit s", Spread.of([sample.extra["submit_s"] for sample in ours]))
    report.at_least("no-op jobs, end to end and durable", rate.median, 2000, "jobs/s")


def _cpu_us(samples: list[Sample], jobs: int) -> Spread:
    return Spread.of([sample.cpu_s * 1e6 / jobs for sample in samples])


if __name__ == "__main__":
    main()
