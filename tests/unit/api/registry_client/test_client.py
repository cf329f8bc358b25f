"""The client of the registry: patience, and what it asks for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from reelyard.actors.jobs.messages import Accepted, PageQuery, Refusal
from reelyard.actors.jobs.model import JobSpec, State
from reelyard.actors.testing.in_process_link import InProcessLink
from reelyard.api.registry_client.client import RegistryClient
from reelyard.api.registry_client.silence import NoAnswer
from reelyard.cluster.errors import NotFound, ReelyardError, Unavailable
from tests.unit.api.api_harness import ApiHarness, MakeHarness

PROBE = JobSpec("probe", inputs=["http://media.test/a.mp4"])


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


async def test_a_submit_outlives_a_restart_and_makes_one_job(harness: ApiHarness) -> None:
    shaky = Shaky(harness.registry)
    client = RegistryClient(InProcessLink(shaky), harness.services.settings)
    shaky.before, shaky.after = 2, 1
    accepted = await client.submit_one(PROBE)
    listed = (await harness.get("/v1/jobs")).json()["items"]
    assert [item["job_id"] for item in listed] == [accepted.job.id]
    await client.close()


async def test_a_registry_that_stays_away_is_a_503_in_the_end(harness: ApiHarness) -> None:
    shaky = Shaky(harness.registry)
    settings = harness.services.settings
    client = RegistryClient(InProcessLink(shaky), settings, patience_s=0.2)
    shaky.before = 1000
    with pytest.raises(Unavailable):
        await client.get("x", None)
    await client.close()


async def test_many_specs_keep_their_places_with_refusals_among_them(harness: ApiHarness) -> None:
    specs = [PROBE if n % 3 else JobSpec("nope") for n in range(60)]
    answers = await harness.services.registry.submit(specs)
    kinds = [Refusal if n % 3 == 0 else Accepted for n in range(60)]
    assert [type(answer) for answer in answers] == kinds


async def test_a_job_that_cannot_be_stored_spoils_no_other(harness: ApiHarness) -> None:
    odd: list[Any] = ["half a pair: \ud83d", 1 << 70, object()]
    specs = [replace(PROBE, metadata={"value": value}) for value in odd]
    client = harness.services.registry
    answers = await client.submit([PROBE, *specs, PROBE])
    kinds = [type(answer) for answer in answers]
    assert kinds == [Accepted, Refusal, Refusal, Refusal, Accepted]
    for answer, reason in zip(answers[1:4], ["Unicode", "64 bits", "not JSON"], strict=True):
        assert isinstance(answer, Refusal)
        assert answer.error.code == "validation_error"
        assert reason in answer.error.message
    assert len((await harness.get("/v1/jobs")).json()["items"]) == 2


async def test_watching_ends_with_the_job(harness: ApiHarness) -> None:
    client = harness.services.registry
    job_id = (await client.submit_one(PROBE)).job.id

    async def states() -> list[State]:
        return [job.state async for job in client.watch(job_id, None)]

    watching = asyncio.create_task(states())
    await asyncio.sleep(0.05)
    await harness.run(job_id)
    seen = await watching
    assert (seen[0], seen[-1]) == (State.QUEUED, State.SUCCEEDED)
    assert [job async for job in client.watch(job_id, None, after_seq=1000)] == []


@pytest.fixture
def long_ago(make_harness: MakeHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls are content with what was seen at any time."""
    monkeypatch.setattr("reelyard.api.registry_client.client.POLL_AGE_S", float("inf"))


@pytest.mark.usefixtures("long_ago")
async def test_polls_ask_the_registry_once_in_a_while(harness: ApiHarness) -> None:
    client = harness.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    first = await client.poll(job_id, None)
    asked = dict(harness.counted.calls)
    assert [await client.poll(job_id, None) for _ in range(20)] == [first] * 20
    assert harness.counted.calls == asked
    await harness.lease()
    assert (await client.get(job_id, None)).state is State.RUNNING
    assert (await client.poll(job_id, None)).state is State.RUNNING


async def test_polls_that_come_during_a_look_share_it(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = harness.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    await client.poll(job_id, None)
    monkeypatch.setattr("reelyard.api.registry_client.client.POLL_AGE_S", float("inf"))
    await client.page(PageQuery(tenant="default", limit=1))
    asked = harness.counted.calls["changes"]
    gate = harness.counted.hold("changes")
    polls = [asyncio.create_task(client.poll(job_id, None))]
    await gate.reached.wait()
    polls += [asyncio.create_task(client.poll(job_id, None)) for _ in range(5)]
    await asyncio.sleep(0)
    gate.open.set()
    assert {job.id for job in await asyncio.gather(*polls)} == {job_id}
    assert harness.counted.calls["changes"] == asked + 1


@pytest.mark.usefixtures("long_ago")
async def test_a_poll_knows_of_every_change_made_here_even_if_its_answer_was_lost(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelyard.api.registry_client.client.PATIENCE_S", 0.01)
    shaky = Shaky(harness.registry)
    client = RegistryClient(InProcessLink(shaky), harness.services.settings)
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
async def test_a_poll_is_never_behind_a_list(harness: ApiHarness) -> None:
    client = harness.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    await client.poll(job_id, None)
    await harness.run(job_id)
    (listed,) = await client.page(PageQuery(tenant="default", limit=1))
    assert listed.state is State.SUCCEEDED
    assert (await client.poll(job_id, None)).state is State.SUCCEEDED


@pytest.mark.usefixtures("long_ago")
async def test_whoever_waits_hears_of_the_end_however_recent_a_poll_was(
    harness: ApiHarness,
) -> None:
    client = harness.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    waiting = asyncio.create_task(client.wait(job_id, None, 30))
    await asyncio.sleep(0.05)
    assert (await client.poll(job_id, None)).state is State.QUEUED
    await harness.run(job_id)
    assert (await waiting).state is State.SUCCEEDED


@pytest.mark.usefixtures("long_ago")
async def test_a_job_that_others_poll_is_still_not_there_for_a_stranger(
    harness: ApiHarness,
) -> None:
    client = harness.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    await client.poll(job_id, "default")
    with pytest.raises(NotFound):
        await client.poll(job_id, "another")
    with pytest.raises(NotFound):
        await client.poll("unknown", None)


async def test_a_job_of_somebody_else_is_not_there(harness: ApiHarness) -> None:
    client = harness.services.registry
    job_id = (await client.submit_one(PROBE)).job.id
    with pytest.raises(NotFound):
        await client.get(job_id, "another")
    assert await client.get_many([job_id], "another") == {}
    assert isinstance((await client.cancel([job_id], "another"))[job_id], Refusal)
    with pytest.raises(ReelyardError):
        await client.wait(job_id, "another", 1)


async def test_a_registry_that_answers_nothing_is_a_503_without_a_second_try(
    harness: ApiHarness,
) -> None:
    asked: list[str] = []

    class Silent:
        async def call(self, method: str, *args: Any) -> Any:
            asked.append(method)
            raise NoAnswer("no answer")

    client = RegistryClient(Silent(), harness.services.settings)
    with pytest.raises(Unavailable) as told:
        await client.get("x", None)
    assert told.value.retry_after_s == 2
    assert len(asked) == 1
    await client.close()


async def test_many_that_ask_for_the_health_at_once_share_one_answer(harness: ApiHarness) -> None:
    registry = harness.services.registry
    before = harness.counted.calls.get("health", 0)
    answers = await asyncio.gather(*(registry.health() for _ in range(50)))
    assert len({id(answer) for answer in answers}) == 1
    assert harness.counted.calls["health"] == before + 1
