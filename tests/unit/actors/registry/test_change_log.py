"""The list of changed jobs that clients follow."""

from __future__ import annotations

import asyncio

from reelyard.actors.registry.change_log import ChangeLog


async def test_a_follower_sees_each_changed_job_once() -> None:
    change_log = ChangeLog("e")
    change_log.add(["a", "b", "a"])
    change_log.add(["c"])
    assert sorted(change_log.since(0).job_ids) == ["a", "b", "c"]
    assert sorted(change_log.since(2).job_ids) == ["a", "c"]
    assert change_log.since(4).job_ids == []
    now = change_log.since(-1)
    assert (now.epoch, now.seq, now.job_ids) == ("e", 4, [])


async def test_a_follower_that_fell_behind_is_told_by_an_unknown_epoch() -> None:
    change_log = ChangeLog("e", size=3)
    change_log.add("abcde")
    assert change_log.since(2).epoch == "e"
    assert change_log.since(1).epoch != "e"
    assert change_log.since(99).epoch != "e"


async def test_a_waiting_follower_hears_of_a_change_at_once() -> None:
    change_log = ChangeLog("e")
    waiting = asyncio.ensure_future(change_log.after(0, 30))
    await asyncio.sleep(0)
    change_log.add(["a"])
    assert (await waiting).job_ids == ["a"]
    assert (await change_log.after(1, 0.001)).job_ids == []
