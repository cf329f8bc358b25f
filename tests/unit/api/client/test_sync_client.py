"""The client without asyncio: Ctrl-C, and its end."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import pytest

from reelyard.api.client.sync_client import Client
from reelyard.api.client.transport import Transport
from reelyard.api.client.views import JobView


class Endless:
    """A cluster whose jobs never end; `get_many` is a call that nobody answers."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.calls = self.cancelled = 0

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, JobView]:
        assert job_ids
        self.calls += 1
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return {}

    async def close(self) -> None:
        assert self.calls == self.cancelled


def test_ctrl_c_before_the_call_could_be_waited_for_ends_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = Endless()

    async def transport() -> Transport:
        return cast("Transport", cluster)

    client = Client(transport=transport)
    start = client._portal.start_task_soon

    def interrupted(call: Callable[[], Awaitable[object]]) -> None:
        start(call)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(client._portal, "start_task_soon", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.wait_all(["job-1"])
    client.close()
    assert cluster.calls == cluster.cancelled


def test_ctrl_c_ends_the_call_that_was_waited_for_and_the_client_can_close() -> None:
    cluster = Endless()

    async def transport() -> Transport:
        return cast("Transport", cluster)

    def interrupt() -> None:
        assert cluster.asked.wait(30)
        os.kill(os.getpid(), signal.SIGINT)

    client = Client(transport=transport)
    presser = threading.Thread(target=interrupt)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        client.wait_all(["job-1"])
    presser.join()
    client.close()
    assert (cluster.calls, cluster.cancelled) == (1, 1)


def test_a_closed_client_says_so_and_may_be_closed_again() -> None:
    client = Client()
    client.close()
    client.close()
    for call in (client.overview, client.list_keys, lambda: list(client.jobs())):
        with pytest.raises(RuntimeError, match="this client is closed"):
            call()
