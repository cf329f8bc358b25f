"""Serve's eager reading of request bodies has a bound, however slow the handler is."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from reelyard.api.http.backpressure import MESSAGES_AHEAD, BoundedReceive

AT_ONCE = 20
"""Pieces that Serve's Python proxy hands over in one message of the trial."""


type Trial = dict[str, dict[str, Any]]
proxies = pytest.mark.parametrize("proxy", ["beside", "afar"])


@pytest.fixture(scope="module")
def trial() -> Trial:
    """Pieces of a body of 1,000 that Serve read, by each of its two ways."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.unit.api.http.backpressure_trial"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    found: Trial = json.loads(done.stdout)
    return found


@proxies
def test_a_handler_that_does_not_read_holds_the_client_back(trial: Trial, proxy: str) -> None:
    assert trial[proxy]["bound"] <= MESSAGES_AHEAD + AT_ONCE


@proxies
def test_serve_itself_still_has_no_bound(trial: Trial, proxy: str) -> None:
    assert trial[proxy]["free"] == 1000, "drop ours: Serve has one now"


@proxies
def test_every_piece_arrives_and_then_the_farewell(trial: Trial, proxy: str) -> None:
    assert trial[proxy]["whole"] == 1000


async def test_another_receiver_is_left_alone() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x"}

    async def once(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["body"] == b"x"

    async def send(message: Any) -> None:
        """Take it."""

    await BoundedReceive(once)({"type": "http"}, receive, send)
