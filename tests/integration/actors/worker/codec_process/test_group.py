"""The codec processes of one worker, with real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reelyard.actors.media.operation import Result
from reelyard.actors.worker.codec_process.client import CodecClient
from reelyard.actors.worker.codec_process.group import CodecGroup
from reelyard.actors.worker.codec_process.options import CodecOptions, configure_message
from reelyard.actors.worker.codec_process.order import Order
from reelyard.actors.worker.codec_process.os_process import ChildSpec
from reelyard.cluster.settings import Settings
from tests.integration.actors.worker import misbehaving_operations
from tests.integration.actors.worker.codec_process.orders import until


@pytest.fixture
async def group(tmp_path: Path) -> AsyncIterator[CodecGroup]:
    """A group on two cores."""
    config = Settings(operations=[misbehaving_operations.__file__], cancel_grace_s=0.2)
    options = CodecOptions.of(config, 2)
    group = CodecGroup(ChildSpec(configure_message(config), tmp_path, 2), options, "cpu", 2)
    yield group
    await group.close()


def order(act: str, **params: object) -> Order:
    return Order("trial", {"act": act, **params}, [], "/tmp")


async def test_the_only_task_gets_all_cores(group: CodecGroup) -> None:
    only = order("pid")
    assert (await group.run(only)).data["threads"] == 2
    assert "no other task" in only.sizing


async def test_many_tasks_run_side_by_side_on_one_thread_each(
    group: CodecGroup, tmp_path: Path
) -> None:
    orders = [order("sleep", seconds=0.6, flag=str(tmp_path / "pids")) for _ in range(6)]
    results = await asyncio.gather(*map(group.run, orders))
    assert len({result.data["pid"] for result in results}) == 2
    assert {one.threads for one in orders[:-1]} <= {1, 2}
    assert {one.threads for one in orders[1:5]} == {1}
    assert "6 tasks for 2 cores" in orders[1].sizing


async def test_tasks_that_are_announced_count_as_well(group: CodecGroup) -> None:
    group.backlog = lambda: 3
    first = order("pid")
    assert (await group.run(first)).data["threads"] == 1
    assert "4 tasks for 2 cores" in first.sizing


async def test_a_task_that_waits_for_a_process_can_be_cancelled(group: CodecGroup) -> None:
    tasks = [asyncio.create_task(group.run(order("sleep", seconds=60.0))) for _ in range(3)]
    await until(lambda: group.queued == 1 and group.spare == 0)
    tasks[-1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[-1]
    assert group.queued == 0
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends)
    await until(lambda: group.spare == 2)
    assert (await group.run(order("nothing"))).data == {"ok": True}


@pytest.mark.parametrize(("after_s", "expected_s"), [(0.0, 0.01), (1.2, 0.01), (0.0, 0.15)])
async def test_short_tasks_do_not_wait_behind_one_that_turns_out_to_be_long(
    group: CodecGroup, after_s: float, expected_s: float
) -> None:
    group._length.seconds = expected_s
    long = asyncio.create_task(group.run(order("sleep", seconds=60.0)))
    await asyncio.sleep(after_s)
    results = await asyncio.gather(*(group.run(order("pid")) for _ in range(5)))
    assert len({result.data["pid"] for result in results}) == 1
    assert not long.done()
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)


async def test_a_task_behind_another_is_cancelled_at_once(group: CodecGroup) -> None:
    group._length.seconds = 0.01
    group._cores = 1
    long = asyncio.create_task(group.run(order("sleep", seconds=60.0)))
    behind = asyncio.create_task(group.run(order("pid")))
    await asyncio.sleep(0.5)
    behind.cancel()
    await asyncio.gather(behind, return_exceptions=True)
    assert behind.cancelled()
    assert not long.done()
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)


async def test_a_crash_takes_no_other_task_along(group: CodecGroup) -> None:
    group.backlog = lambda: 3
    sleeping = asyncio.create_task(group.run(order("sleep", seconds=2.0)))
    dying = asyncio.create_task(group.run(order("die")))
    ends = await asyncio.gather(sleeping, dying, return_exceptions=True)
    assert isinstance(ends[0], Result)
    assert "SIGSEGV" in str(ends[1])


async def test_a_process_that_nobody_needs_any_more_ends(
    group: CodecGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelyard.actors.worker.codec_process.group.IDLE_S", 0.05)
    closed: list[CodecClient] = []
    close = CodecClient.close

    async def note(client: CodecClient) -> None:
        await close(client)
        closed.append(client)

    monkeypatch.setattr(CodecClient, "close", note)
    await asyncio.gather(*(group.run(order("sleep", seconds=0.5)) for _ in range(6)))
    await until(lambda: len(closed) == 1)
    assert (await group.run(order("pid"))).data["threads"] == 2


async def test_a_process_has_its_next_task_before_anybody_hears_of_the_end_of_the_last(
    group: CodecGroup,
) -> None:
    orders = [order("sleep", seconds=0.2) for _ in range(5)]
    queued: list[int] = []
    for one in orders:
        one.done.add_done_callback(lambda _: queued.append(group.queued))
    await asyncio.gather(*map(group.run, orders))
    assert queued[-1] == 0
    assert queued[0] < 4
