"""Small calls travel together."""

import asyncio

import pytest

from reelyard.api.registry_client.batching import Lookups, Writes


class Store:
    """Answers when it is let go, and counts its calls."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.gate = asyncio.Event()
        self.failure: Exception | None = None

    async def fetch(self, keys: list[str]) -> dict[str, str]:
        self.calls.append(keys)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return {key: key.upper() for key in keys if key != "missing"}

    async def send(self, items: list[str]) -> list[str]:
        self.calls.append(items)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return [item.upper() for item in items]


async def test_lookups_that_come_during_a_call_share_the_next_one() -> None:
    store = Store()
    lookups = Lookups(store.fetch)
    first = asyncio.create_task(lookups.get("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(lookups.get(key)) for key in ("b", "b", "missing", "a")]
    await asyncio.sleep(0)
    store.gate.set()
    assert [await task for task in (first, *rest)] == ["A", "B", "B", None, "A"]
    assert store.calls == [["a"], ["b", "missing", "a"]]


async def test_many_are_looked_up_as_one_call_and_those_that_exist_are_given() -> None:
    store = Store()
    store.gate.set()
    lookups = Lookups(store.fetch)
    one, many = await asyncio.gather(lookups.get("a"), lookups.get_all(["b", "missing", "a"]))
    assert (one, many) == ("A", {"b": "B", "a": "A"})
    assert store.calls == [["a", "b", "missing"]]
    assert await lookups.get_all([]) == {}


async def test_a_caller_that_goes_away_takes_nobody_along() -> None:
    store = Store()
    lookups = Lookups(store.fetch)
    gone, stays = (asyncio.create_task(lookups.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    store.gate.set()
    assert await stays == "A"


async def test_a_failed_call_fails_everybody_in_it_and_nobody_after() -> None:
    store = Store()
    store.gate.set()
    store.failure = RuntimeError("down")
    lookups = Lookups(store.fetch)
    results = await asyncio.gather(*map(lookups.get, "ab"), return_exceptions=True)
    assert [str(result) for result in results] == ["down", "down"]
    store.failure = None
    assert await lookups.get("a") == "A"


async def test_one_can_wait_for_the_call_that_is_under_way_and_learns_of_its_failure() -> None:
    store = Store()
    lookups = Lookups(store.fetch)
    await lookups.landed()
    for failure in (None, RuntimeError("down")):
        store.failure = failure
        store.gate.clear()
        calls = len(store.calls)
        asked = asyncio.create_task(lookups.get("a"))
        while len(store.calls) < calls + 1:
            await asyncio.sleep(0)
        waiting = asyncio.create_task(lookups.landed())
        await asyncio.sleep(0)
        assert not waiting.done()
        store.gate.set()
        results = await asyncio.gather(asked, waiting, return_exceptions=True)
        assert list(results) == ([failure] * 2 if failure else ["A", None])
    await lookups.landed()


async def test_no_call_is_larger_than_allowed() -> None:
    store = Store()
    store.gate.set()
    lookups = Lookups(store.fetch, most=2)
    assert await asyncio.gather(*map(lookups.get, "abcde")) == list("ABCDE")
    assert [len(call) for call in store.calls] == [2, 2, 1]


async def test_writes_keep_their_order_and_their_own_answers() -> None:
    store = Store()
    store.gate.set()
    writes = Writes(store.send, most=3)
    answers = await asyncio.gather(*map(writes.put, ("ab", "", "cda")))
    assert answers == [list("AB"), [], list("CDA")]
    assert store.calls == [["a", "b", "c"], ["d", "a"]]


async def test_a_caller_that_goes_away_keeps_no_other_from_its_answer() -> None:
    store = Store()
    writes = Writes(store.send)
    leaving, staying = (asyncio.create_task(writes.put(item)) for item in "ab")
    while not store.calls:
        await asyncio.sleep(0)
    leaving.cancel()
    store.gate.set()
    assert await staying == ["B"]
    assert store.calls == [["a", "b"]]


async def test_a_failed_write_reaches_its_caller() -> None:
    store = Store()
    store.gate.set()
    store.failure = RuntimeError("full")
    with pytest.raises(RuntimeError, match="full"):
        await Writes(store.send).put("a")
