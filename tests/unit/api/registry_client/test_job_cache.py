"""Jobs remembered, and handed out only while the registry vouches for them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reelyard.actors.jobs.messages import Changes
from reelyard.actors.jobs.model import Job, State
from reelyard.api.registry_client.job_cache import JobCache
from tests.unit.api.sample_jobs import a_job


class Registry:
    """Jobs and changes by hand; counts what is asked of it."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.epoch, self.seq = "one", 0
        self.changed: list[tuple[int, str]] = []
        self.fetched: list[list[str]] = []

    def put(self, job: Job) -> None:
        self.jobs[job.id] = job
        self.seq += 1
        self.changed.append((self.seq, job.id))

    async def changes(self, after: int, timeout_s: float) -> Changes:
        ids = [] if after == -1 else [job_id for seq, job_id in self.changed if seq > after]
        return Changes(self.epoch, self.seq, ids)

    async def get_many(self, job_ids: list[str]) -> dict[str, Job]:
        self.fetched.append(job_ids)
        return {job_id: self.jobs[job_id] for job_id in job_ids if job_id in self.jobs}


def job(job_id: str, state: State = State.QUEUED, **changes: Any) -> Job:
    return a_job(state, id=job_id, **({"expires_ms": 1 << 60} | changes))


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def cache(registry: Registry) -> JobCache:
    return JobCache(registry.changes, registry.get_many)


async def test_a_job_is_fetched_again_only_when_it_has_changed(
    registry: Registry, cache: JobCache
) -> None:
    registry.put(job("a"))
    registry.put(job("b"))
    first = await cache.look_up(["a", "b", "c"])
    assert first.keys() == {"a", "b"}
    assert (await cache.look_up(["a", "b"])) == first
    assert registry.fetched == [["a", "b", "c"]]
    registry.put(job("a", State.RUNNING))
    assert (await cache.look_up(["a", "b"]))["a"].state is State.RUNNING
    assert registry.fetched[1:] == [["a"]]


async def test_another_registry_is_believed_in_nothing(registry: Registry, cache: JobCache) -> None:
    registry.put(job("a"))
    await cache.look_up(["a"])
    registry.epoch = "two"
    registry.jobs["a"] = job("a", State.RUNNING)
    assert (await cache.look_up(["a"]))["a"].state is State.RUNNING


async def test_a_job_that_changes_while_it_is_fetched_is_fetched_again(
    registry: Registry, cache: JobCache
) -> None:
    registry.put(job("a"))
    real = registry.get_many

    async def late(job_ids: list[str]) -> dict[str, Job]:
        found = await real(job_ids)
        registry.put(job("a", State.RUNNING))
        return found

    slow = JobCache(registry.changes, late)
    assert (await slow.look_up(["a"]))["a"].state is State.QUEUED
    assert (await slow.look_up(["a"]))["a"].state is State.RUNNING


async def test_success_needs_no_call_until_its_files_are_gone(
    registry: Registry, cache: JobCache
) -> None:
    registry.put(job("a", State.SUCCEEDED))
    registry.put(job("b", State.FAILED))
    registry.put(job("c", State.SUCCEEDED, outputs_expire_ms=1))
    await cache.look_up(["a", "b", "c"])
    assert cache.finished("a") is registry.jobs["a"]
    assert cache.finished("b") is cache.finished("c") is None


class Clock:
    """Seconds by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_look_serves_polls_for_as_long_as_allowed_counted_from_its_start(
    registry: Registry,
) -> None:
    clock = Clock()

    async def slow(after: int, timeout_s: float) -> Changes:
        changes = await registry.changes(after, timeout_s)
        clock.now += 0.5
        return changes

    cache = JobCache(slow, registry.get_many, clock=clock)
    registry.put(job("a"))
    assert cache.recent("a", 1.0) is None
    seen = (await cache.look_up(["a"]))["a"]
    clock.now += 0.5
    assert cache.recent("a", 1.0) is seen
    clock.now += 0.125
    assert cache.recent("a", 1.0) is None
    assert cache.unfinished("a") is seen
    assert cache.recent("unknown", 60.0) is None


async def test_an_end_is_never_told_from_memory_as_long_as_it_can_be_undone(
    registry: Registry, cache: JobCache
) -> None:
    registry.put(job("a", State.FAILED))
    registry.put(job("b", State.CANCELLED))
    await cache.look_up(["a", "b"])
    assert cache.recent("a", 60.0) is cache.recent("b", 60.0) is None


async def test_a_look_that_began_before_a_change_of_our_own_serves_nobody_after_it(
    registry: Registry,
) -> None:
    clock = Clock()
    gate = asyncio.Event()

    async def late(job_ids: list[str]) -> dict[str, Job]:
        found = await registry.get_many(job_ids)
        await gate.wait()
        return found

    cache = JobCache(registry.changes, late, clock=clock)
    registry.put(job("a"))
    looking = asyncio.create_task(cache.look_up(["a"]))
    await asyncio.sleep(0)
    clock.now += 0.125
    registry.put(job("a", State.RUNNING))
    cache.outdate()
    gate.set()
    assert (await looking)["a"].state is State.QUEUED
    assert cache.recent("a", 60.0) is None
    clock.now += 0.125
    await cache.look_up(["a"])
    found = cache.recent("a", 60.0)
    assert found is not None
    assert found.state is State.RUNNING


async def test_the_memory_has_an_end(registry: Registry) -> None:
    small = JobCache(registry.changes, registry.get_many, size=2)
    for name in "abc":
        registry.put(job(name))
    await small.look_up(list("abc"))
    await small.look_up(["c"])
    assert len(registry.fetched) == 1
    await small.look_up(["a"])
    assert registry.fetched[-1] == ["a"]
