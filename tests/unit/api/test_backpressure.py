"""Serve's eager reading of request bodies has a bound, however slow the handler is."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from api.backpressure import MESSAGES_AHEAD, BoundedReceive


@pytest.fixture(scope="module")
def trial() -> dict[str, int]:
    """Pieces of a body of 1,000 that Serve read."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.unit.api.backpressure_trial"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    found: dict[str, int] = json.loads(done.stdout)
    return found


def test_a_handler_that_does_not_read_holds_the_client_back(trial: dict[str, int]) -> None:
    assert trial["bound"] <= MESSAGES_AHEAD + 2


def test_serve_itself_still_has_no_bound(trial: dict[str, int]) -> None:
    assert trial["free"] == 1000, "drop ours: Serve has one now"


def test_every_piece_arrives_and_then_the_farewell(trial: dict[str, int]) -> None:
    assert trial["whole"] == 1000


async def test_another_receiver_is_left_alone() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x"}

    async def once(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["body"] == b"x"

    async def send(message: Any) -> None:
        """Take it."""

    await BoundedReceive(once)({"type": "http"}, receive, send)
