"""A body that comes too slowly is given up; whoever has sent it may wait for ever."""

import asyncio
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Receive

from reelyard.api.http.request_rules.body_pace import BYTES_PER_S, paced


def piece(size: int, *, more: bool = True) -> dict[str, Any]:
    """A message with so many bytes of a body."""
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


async def never_in_time(receive: Receive) -> None:
    """Two more pieces."""
    await receive()
    await receive()


class Slow:
    """A client that sends `pieces`, each after a wait on its own clock."""

    def __init__(self, pieces: list[tuple[float, dict[str, Any]]]) -> None:
        self.now_s = 0.0
        self._pieces = pieces

    async def receive(self) -> dict[str, Any]:
        wait_s, message = self._pieces.pop(0)
        self.now_s += wait_s
        return message

    def clock(self) -> float:
        return self.now_s


async def test_a_body_in_which_nothing_comes_is_given_up() -> None:
    async def never() -> Any:
        await asyncio.Event().wait()

    with pytest.raises(HTTPException, match="too slowly: 0 bytes") as caught:
        await paced(never, start_s=0.01)()
    assert caught.value.status_code == 408


async def test_a_trickle_is_given_up_however_often_it_drips() -> None:
    client = Slow([(1.0, piece(1))] * 100)
    receive = paced(client.receive, start_s=30, now=client.clock)
    for _ in range(30):
        await receive()
    with pytest.raises(HTTPException, match="too slowly: 31 bytes"):
        await never_in_time(receive)


async def test_a_steady_body_may_take_as_long_as_it_needs() -> None:
    client = Slow([(1.0, piece(BYTES_PER_S))] * 1000 + [(1.0, piece(0, more=False))])
    receive = paced(client.receive, start_s=30, now=client.clock)
    for _ in range(1001):
        await receive()


async def test_the_time_that_the_handler_takes_is_not_the_clients() -> None:
    client = Slow([(0.1, piece(1))] * 100)
    receive = paced(client.receive, start_s=30, now=client.clock)
    for _ in range(100):
        await receive()
        client.now_s += 1000


async def test_after_the_body_nobody_is_hurried() -> None:
    client = Slow([(0, piece(1, more=False)), (10_000, {"type": "http.disconnect"})])
    receive = paced(client.receive, start_s=0.01, now=client.clock)
    await receive()
    assert (await receive())["type"] == "http.disconnect"
