"""The client of the registry: patience, memory, and what it asks for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.jobs.messages import Accepted, Changes, KeyInfo, Refusal
from actors.jobs.model import Job, JobSpec, State
from api.job_cache import JobCache
from api.key_cache import KeyCache, key_hash
from api.registry_client import RegistryClient
from cluster.errors import NotFound, ReelyardError, Unavailable
from tests.unit.api.conftest import Desk
from tests.unit.api.records import a_job

PROBE = JobSpec("probe", inputs=["http://media.test/a.mp4"])


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


async def test_the_memory_has_an_end(registry: Registry) -> None:
    small = JobCache(registry.changes, registry.get_many, size=2)
    for name in "abc":
        registry.put(job(name))
    await small.look_up(list("abc"))
    await small.look_up(["c"])
    assert len(registry.fetched) == 1
    await small.look_up(["a"])
    assert registry.fetched[-1] == ["a"]


async def test_keys_are_asked_for_once_in_a_while_and_at_once_when_unknown() -> None:
    keys = {key_hash("ry_a"): KeyInfo("1", "t", "", 0)}
    calls = 0

    async def load() -> dict[str, KeyInfo]:
        nonlocal calls
        calls += 1
        return dict(keys)

    cache = KeyCache(load)
    found = await asyncio.gather(*(cache.find("ry_a") for _ in range(20)))
    assert {info.key_id for info in found if info} == {"1"}
    assert calls == 1
    assert await cache.by_id("1") == found[0]
    assert await cache.by_id("2") is None
    keys[key_hash("ry_b")] = KeyInfo("2", "t", "", 0)
    await asyncio.sleep(0.25)
    assert await cache.find("ry_b") is not None
    assert calls == 2


class Shaky:
    """Fails some calls of a registry before and after they have had their effect."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self.before = self.after = 0

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            if self.before:
                self.before -= 1
                raise Unavailable("restarting")
            answer = await getattr(self._registry, name)(*args)
            if self.after:
                self.after -= 1
                raise Unavailable("killed before it could answer")
            return answer

        return call


async def test_a_submit_outlives_a_restart_and_makes_one_job(desk: Desk) -> None:
    shaky = Shaky(desk.registry)
    client = RegistryClient.in_process(shaky, desk.services.settings)
    shaky.before, shaky.after = 2, 1
    accepted = await client.submit_one(PROBE)
    listed = (await desk.get("/v1/jobs")).json()["items"]
    assert [item["job_id"] for item in listed] == [accepted.job.id]
    await client.close()


async def test_a_registry_that_stays_away_is_a_503_in_the_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.registry_client.PATIENCE_S", 0.2)
    shaky = Shaky(desk.registry)
    client = RegistryClient.in_process(shaky, desk.services.settings)
    shaky.before = 1000
    with pytest.raises(Unavailable):
        await client.get("x", None)
    await client.close()


async def test_many_specs_keep_their_places_with_refusals_among_them(desk: Desk) -> None:
    specs = [PROBE if n % 3 else JobSpec("nope") for n in range(60)]
    answers = await desk.services.registry.submit(specs)
    kinds = [Refusal if n % 3 == 0 else Accepted for n in range(60)]
    assert [type(answer) for answer in answers] == kinds


async def test_watching_ends_with_the_job(desk: Desk) -> None:
    client = desk.services.registry
    job_id = (await client.submit_one(PROBE)).job.id

    async def states() -> list[State]:
        return [job.state async for job in client.watch(job_id, None)]

    watching = asyncio.create_task(states())
    await asyncio.sleep(0.05)
    await desk.run(job_id)
    seen = await watching
    assert (seen[0], seen[-1]) == (State.QUEUED, State.SUCCEEDED)
    assert [job async for job in client.watch(job_id, None, after_seq=1000)] == []


async def test_a_job_of_somebody_else_is_not_there(desk: Desk) -> None:
    client = desk.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    with pytest.raises(NotFound):
        await client.get(job_id, "another")
    assert await client.get_many([job_id], "another") == {}
    assert isinstance((await client.cancel([job_id], "another"))[job_id], Refusal)
    with pytest.raises(ReelyardError):
        await client.wait(job_id, "another", 1)
