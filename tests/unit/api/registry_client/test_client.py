"""The client of the registry: patience, memory, and what it asks for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.jobs.messages import Accepted, Changes, KeyInfo, PageQuery, Refusal
from actors.jobs.model import Job, JobSpec, State
from actors.registry.api_keys import hash_key
from actors.testing.in_process_link import InProcessLink
from api.registry_client.client import RegistryClient
from api.registry_client.job_cache import JobCache
from api.registry_client.key_cache import KeyCache
from cluster.errors import NotFound, ReelyardError, Unavailable
from tests.unit.api.conftest import Build, Desk
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


async def test_keys_are_asked_for_once_in_a_while_and_at_once_when_unknown() -> None:
    keys = {hash_key("ry_a"): KeyInfo("1", "t", "", 0)}
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
    keys[hash_key("ry_b")] = KeyInfo("2", "t", "", 0)
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
    client = RegistryClient(InProcessLink(shaky), desk.services.settings)
    shaky.before, shaky.after = 2, 1
    accepted = await client.submit_one(PROBE)
    listed = (await desk.get("/v1/jobs")).json()["items"]
    assert [item["job_id"] for item in listed] == [accepted.job.id]
    await client.close()


async def test_a_registry_that_stays_away_is_a_503_in_the_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.registry_client.client.PATIENCE_S", 0.2)
    shaky = Shaky(desk.registry)
    client = RegistryClient(InProcessLink(shaky), desk.services.settings)
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


@pytest.fixture
def long_ago(make_desk: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls are content with what was seen at any time."""
    monkeypatch.setattr("api.registry_client.client.POLL_AGE_S", float("inf"))


@pytest.mark.usefixtures("long_ago")
async def test_polls_ask_the_registry_once_in_a_while(desk: Desk) -> None:
    client = desk.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    first = await client.poll(job_id, None)
    asked = dict(desk.counted.calls)
    assert [await client.poll(job_id, None) for _ in range(20)] == [first] * 20
    assert desk.counted.calls == asked
    await desk.lease()
    assert (await client.get(job_id, None)).state is State.RUNNING
    assert (await client.poll(job_id, None)).state is State.RUNNING


async def test_polls_that_come_during_a_look_share_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = desk.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    await client.poll(job_id, None)
    monkeypatch.setattr("api.registry_client.client.POLL_AGE_S", float("inf"))
    await client.page(PageQuery(tenant="default", limit=1))
    asked = desk.counted.calls["changes"]
    gate = desk.counted.hold("changes")
    polls = [asyncio.create_task(client.poll(job_id, None))]
    await gate.reached.wait()
    polls += [asyncio.create_task(client.poll(job_id, None)) for _ in range(5)]
    await asyncio.sleep(0)
    gate.open.set()
    assert {job.id for job in await asyncio.gather(*polls)} == {job_id}
    assert desk.counted.calls["changes"] == asked + 1


@pytest.mark.usefixtures("long_ago")
async def test_a_poll_knows_of_every_change_made_here_even_if_its_answer_was_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.registry_client.client.PATIENCE_S", 0.01)
    shaky = Shaky(desk.registry)
    client = RegistryClient(InProcessLink(shaky), desk.services.settings)
    one, two = [(await client.submit_one(PROBE)).job.id for _ in range(2)]
    await client.poll(one, None)
    await client.poll(two, None)
    await client.cancel([one], None)
    assert (await client.poll(one, None)).state is State.CANCELLED
    await client.poll(two, None)
    shaky.after = 1000
    with pytest.raises(Unavailable):
        await client.cancel([two], None)
    shaky.after = 0
    assert (await client.poll(two, None)).state is State.CANCELLED
    await client.close()


@pytest.mark.usefixtures("long_ago")
async def test_a_poll_is_never_behind_a_list(desk: Desk) -> None:
    client = desk.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    await client.poll(job_id, None)
    await desk.run(job_id)
    (listed,) = await client.page(PageQuery(tenant="default", limit=1))
    assert listed.state is State.SUCCEEDED
    assert (await client.poll(job_id, None)).state is State.SUCCEEDED


@pytest.mark.usefixtures("long_ago")
async def test_whoever_waits_hears_of_the_end_however_recent_a_poll_was(desk: Desk) -> None:
    client = desk.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    waiting = asyncio.create_task(client.wait(job_id, None, 30))
    await asyncio.sleep(0.05)
    assert (await client.poll(job_id, None)).state is State.QUEUED
    await desk.run(job_id)
    assert (await waiting).state is State.SUCCEEDED


@pytest.mark.usefixtures("long_ago")
async def test_a_job_that_others_poll_is_still_not_there_for_a_stranger(desk: Desk) -> None:
    client = desk.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    await client.poll(job_id, "default")
    with pytest.raises(NotFound):
        await client.poll(job_id, "another")
    with pytest.raises(NotFound):
        await client.poll("unknown", None)


async def test_a_job_of_somebody_else_is_not_there(desk: Desk) -> None:
    client = desk.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    with pytest.raises(NotFound):
        await client.get(job_id, "another")
    assert await client.get_many([job_id], "another") == {}
    assert isinstance((await client.cancel([job_id], "another"))[job_id], Refusal)
    with pytest.raises(ReelyardError):
        await client.wait(job_id, "another", 1)
