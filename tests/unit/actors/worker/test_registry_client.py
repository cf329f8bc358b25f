"""Calls to a registry that restarts, with a plain object in the place of Ray's handle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ray.exceptions import ActorUnavailableError

from reelyard.actors.jobs.messages import Commit, LeaseReply, Verdict, WorkerInfo
from reelyard.actors.jobs.model import Outcome
from reelyard.actors.worker.registry_client import RegistryLeaseClient
from reelyard.cluster.errors import Unavailable

WORKER = WorkerInfo(slot="media-cpu-1", incarnation="a", pool="cpu", node="n", takes=["cpu"])
COMMIT = Commit("job-1", "t", 1, Outcome.SUCCEEDED)
VERDICT = Verdict("job-1", "t", 1, accepted=True)


@dataclass
class Method:
    """A remote method that gives `answer`, or raises it."""

    calls: list[tuple[Any, ...]]
    answer: object
    options_given: list[dict[str, Any]] = field(default_factory=list)

    def options(self, **options: Any) -> Method:
        self.options_given.append(options)
        return self

    async def remote(self, *args: Any) -> object:
        self.calls.append(args)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Handle:
    """A registry's handle: every method gives `answer`."""

    def __init__(self, answer: object) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.lease = self.commit = self.report = self.lost = Method(self.calls, answer)


GONE = ActorUnavailableError("it restarts", None)


def finds(*found: Handle | Exception) -> Callable[[], Handle]:
    """A search for the actor that finds these, one after the other."""
    left = list(found)

    def find() -> Handle:
        next_one = left.pop(0)
        if isinstance(next_one, Exception):
            raise next_one
        return next_one

    return find


async def test_a_lease_is_tried_once_and_ray_is_told_not_to_repeat_it() -> None:
    handle = Handle(GONE)
    client = RegistryLeaseClient(finds(handle), WORKER)
    with pytest.raises(Unavailable):
        await client.lease(1, [], 0.0)
    assert len(handle.calls) == 1
    assert handle.lease.options_given == [{"max_task_retries": 0}]


async def test_a_registry_that_is_not_there_yet_is_unavailable() -> None:
    client = RegistryLeaseClient(finds(ValueError("no such actor")), WORKER)
    with pytest.raises(Unavailable):
        await client.report([])


async def test_a_commit_is_handed_in_to_the_registry_that_took_the_place_of_a_lost_one() -> None:
    lost, back = Handle(GONE), Handle([VERDICT])
    client = RegistryLeaseClient(finds(lost, ValueError("restarting"), back), WORKER)
    async with asyncio.timeout(10):
        assert await client.commit([COMMIT]) == [VERDICT]
    assert (len(lost.calls), len(back.calls)) == (1, 1)


async def test_a_registry_that_answers_is_not_looked_for_again() -> None:
    handle = Handle(LeaseReply([]))
    client = RegistryLeaseClient(finds(handle), WORKER)
    await client.lease(1, [], 0.0)
    await client.lease(1, [], 0.0)
    assert len(handle.calls) == 2


async def test_only_an_answer_counts_as_contact() -> None:
    client = RegistryLeaseClient(finds(Handle(GONE), Handle(LeaseReply([]))), WORKER)
    before = client.last_contact
    with pytest.raises(Unavailable):
        await client.lease(1, [], 0.0)
    assert client.last_contact == before
    await client.lease(1, [], 0.0)
    assert client.last_contact > before
