"""An actor that answers nothing, told from one that is busy."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reelyard.api.registry_client.silence import NoAnswer, Silence

PATIENCE_S, SLOW_S = 0.2, 0.02


class Actor:
    """Answers pings and calls when it is told to."""

    def __init__(self) -> None:
        self.pings: list[asyncio.Future[str]] = []
        self.calls: list[asyncio.Future[str]] = []
        self.awake = True
        self.silence = Silence(self.ping, PATIENCE_S, SLOW_S)

    def ping(self) -> asyncio.Future[str]:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.pings.append(future)
        if self.awake:
            future.set_result("here")
        return future

    def call(self) -> asyncio.Future[str]:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.calls.append(future)
        return future

    def ask(self) -> asyncio.Task[Any]:
        return asyncio.create_task(self.silence.answer(self.call))


async def _until(seen: list[Any], count: int) -> None:
    while len(seen) < count:
        await asyncio.sleep(0.001)


async def test_a_quick_answer_comes_without_a_ping() -> None:
    actor = Actor()
    task = actor.ask()
    await _until(actor.calls, 1)
    actor.calls[0].set_result("done")
    assert await task == "done"
    assert actor.pings == []


async def test_what_the_call_raises_is_raised() -> None:
    actor = Actor()
    task = actor.ask()
    await _until(actor.calls, 1)
    actor.calls[0].set_exception(KeyError("x"))
    with pytest.raises(KeyError):
        await task


async def test_a_long_call_is_waited_for_as_long_as_pings_are_answered() -> None:
    actor = Actor()
    task = actor.ask()
    await _until(actor.pings, 4)
    actor.calls[0].set_result("at last")
    assert await task == "at last"


async def test_an_actor_that_answers_no_ping_is_given_up_and_asked_no_more() -> None:
    actor = Actor()
    actor.awake = False
    asked = [actor.ask() for _ in range(5)]
    for task in asked:
        with pytest.raises(NoAnswer):
            await task
    for _ in range(3):
        with pytest.raises(NoAnswer):
            await actor.silence.answer(actor.call)
    assert len(actor.pings) == 1
    assert len(actor.calls) == 5


@pytest.mark.parametrize("fails", [False, True], ids=["answers", "died"])
async def test_the_end_of_the_ping_ends_the_silence(fails: bool) -> None:
    actor = Actor()
    actor.awake = False
    with pytest.raises(NoAnswer):
        await actor.silence.answer(actor.call)
    if fails:
        actor.pings[0].set_exception(OSError("it died"))
    else:
        actor.pings[0].set_result("here again")
    task = actor.ask()
    await _until(actor.calls, 2)
    actor.calls[1].set_result("done")
    assert await task == "done"


async def test_a_look_that_does_not_end_is_given_up() -> None:
    actor = Actor()
    with pytest.raises(NoAnswer):
        await actor.silence.bounded(actor.call())
