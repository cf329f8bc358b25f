"""The connection to a codec process, with another program in its place."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from reelyard.actors.worker.codec_process.messages import Finished, FromCodec, encode
from reelyard.actors.worker.codec_process.os_process import Child, Exit


@pytest.fixture
def heard() -> list[FromCodec]:
    return []


@pytest.fixture
def child(heard: list[FromCodec]) -> Iterator[Child]:
    """A child whose process sleeps; `heard` is what came from it."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield Child(process, "-", lambda _, message: heard.append(message), lambda _child, _how: None)
    process.kill()
    process.wait()


def test_a_killed_process_has_nothing_more_to_say(child: Child, heard: list[FromCodec]) -> None:
    child.data_received(encode(Finished(1, [], {})))
    child.kill()
    # Written just before; its task counts as stopped, and the next one's turn must not come.
    child.data_received(encode(Finished(2, [], {})))
    assert heard == [Finished(1, [], {})]


def test_a_process_that_says_nonsense_is_killed(child: Child, heard: list[FromCodec]) -> None:
    child.data_received(b"\x00\x00\x00\x02\xc1\xc1")
    assert child.killed
    assert child.process.wait(10) == -9
    assert heard == []


async def test_the_end_of_a_process_is_told_with_its_signal() -> None:
    ends: list[Exit] = []
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    child = Child(process, "-", lambda _child, _message: None, lambda _, how: ends.append(how))
    child.watch()
    child.kill()
    async with asyncio.timeout(10):
        while not ends:
            await asyncio.sleep(0.01)
    assert ends[0].describe == "killed by SIGKILL"


@pytest.mark.parametrize(
    ("returncode", "text"),
    [
        (None, "does not end"),
        (1, "exit status 1"),
        (-11, "killed by SIGSEGV"),
        (-99, "killed by signal 99"),
    ],
)
def test_an_exit_is_described_for_people(returncode: int | None, text: str) -> None:
    assert Exit(returncode).describe == text
