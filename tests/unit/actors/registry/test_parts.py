"""The small parts: feed, waiting room, stats, wire, group commit, accounts' arithmetic."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import pickle
from collections.abc import Iterator

import pytest
import structlog

from actors.jobs.messages import Accepted, Refusal, Verdict
from actors.jobs.model import State
from actors.registry import pickling
from actors.registry.change_log import ChangeLog
from actors.registry.scheduling.idle_workers import IdleWorkers
from actors.registry.scheduling.run_times import RunTimes
from actors.registry.state_log import StateLog
from actors.registry.store.redis.group_commit import GroupCommit
from actors.registry.submission import refusal
from cluster.errors import Conflict, Unavailable
from cluster.logs import configure_logging
from cluster.settings import Settings
from tests.unit.actors.registry.builders import BROKEN, make_job

# --- change log ---


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


# --- idle workers ---


async def test_as_many_workers_wake_as_there_are_tasks_for() -> None:
    idle = IdleWorkers()
    waiting = [asyncio.ensure_future(idle.wait(f"w{n}", ["cpu"], 2, 30)) for n in range(3)]
    await asyncio.sleep(0)
    idle.wake(["cpu"] * 3)
    await asyncio.wait(waiting, timeout=0.05)
    assert [task.done() for task in waiting] == [True, True, False]
    idle.wake_all()
    await waiting[2]


async def test_a_worker_that_waits_for_two_pools_wakes_for_either() -> None:
    idle = IdleWorkers()
    waiting = asyncio.ensure_future(idle.wait("w", ["cpu", "light"], 1, 30))
    await asyncio.sleep(0)
    idle.wake(["gpu"])
    idle.wake(["light"])
    await asyncio.wait_for(waiting, 5)


async def test_a_second_call_of_a_worker_ends_its_first() -> None:
    idle = IdleWorkers()
    first = asyncio.ensure_future(idle.wait("w", ["cpu"], 1, 30))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(idle.wait("w", ["cpu"], 1, 30))
    await asyncio.wait_for(first, 5)
    assert not second.done()
    idle.wake_worker("w")
    await asyncio.wait_for(second, 5)


# --- run times ---


def test_the_backlog_follows_the_measured_run_times() -> None:
    run_times = RunTimes()
    assert run_times.backlog_s({"probe": 3}) == 6
    run_times.finished("probe", 1.0, 1_000_000)
    assert run_times.backlog_s({"probe": 3}) == 3
    run_times.finished("probe", 2.0, 1_000_000)
    assert run_times.backlog_s({"probe": 1, "new": 1}) == pytest.approx(1.2 + 2)


def test_the_rate_forgets_what_is_older_than_a_minute() -> None:
    run_times = RunTimes()
    for _ in range(120):
        run_times.finished("probe", 1.0, 1_000_000)
    assert run_times.per_second(1_010_000) == 2
    assert run_times.per_second(1_060_000) == 0


# --- wire ---


def test_packed_records_arrive_as_plain_containers() -> None:
    job = make_job(metadata={"a": 1})
    accepted, refused = Accepted(job), refusal(Conflict("no"))
    for packed, arrives in (
        (pickling.pack_one(job), job),
        (pickling.pack_list([accepted, accepted]), [accepted, accepted]),
        (pickling.pack_list([accepted, refused]), [accepted, refused]),
        (pickling.pack_list([]), []),
        (pickling.pack_dict({"x": job, "y": refused}), {"x": job, "y": refused}),
    ):
        assert pickle.loads(pickle.dumps(packed)) == arrives


def test_records_may_change_once_they_are_packed() -> None:
    job = make_job()
    packed = pickling.pack_list([job])
    job.state = State.FAILED
    assert pickle.loads(pickle.dumps(packed))[0].state is State.QUEUED


def test_every_answer_of_a_list_call_can_be_packed() -> None:
    verdict = Verdict("j", "t", 1, accepted=False, stop=True)
    assert pickle.loads(pickle.dumps(pickling.pack_list([verdict]))) == [verdict]
    assert isinstance(refusal(Conflict("no")), Refusal)


# --- group commit ---


async def test_writes_of_concurrent_callers_go_out_together_and_in_order() -> None:
    batches: list[list[int]] = []

    async def flush(items: list[int]) -> list[int]:
        batches.append(items)
        await asyncio.sleep(0.01)
        return [item * 2 for item in items]

    group = GroupCommit(flush, max_batch=4)
    answers = await asyncio.gather(*(group.write([n, n + 1]) for n in (0, 2, 4, 6, 8)))
    assert answers == [[0, 2], [4, 6], [8, 10], [12, 14], [16, 18]]
    assert [len(batch) for batch in batches] == [4, 4, 2]
    await group.drain()


async def test_a_failed_flush_fails_its_own_callers_only() -> None:
    failing = [True, False]

    async def flush(items: list[int]) -> list[int]:
        await asyncio.sleep(0)
        if failing.pop(0):
            raise Unavailable("gone")
        return items

    group = GroupCommit(flush, max_batch=1)
    first, second = group.write([1]), group.write([2])
    with pytest.raises(Unavailable):
        await first
    assert await second == [2]


# --- log ---


@pytest.fixture
def structlog_restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("structlog_restored")
def test_one_json_line_is_logged_for_each_change_of_state() -> None:
    out = io.StringIO()
    configure_logging(Settings(log_format="json"), "registry", out)
    job, same = make_job(error=BROKEN), make_job()
    StateLog().write([(job, None, State.QUEUED), (same, State.RUNNING, State.RUNNING)])
    StateLog().write([(job, State.RUNNING, State.FAILED)])
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["job_id"], line["state"], line.get("code")) for line in lines] == [
        (job.id, "queued", None),
        (job.id, "failed", "corrupt_media"),
    ]
    structlog.get_logger().info("other")
    usual = json.loads(out.getvalue().splitlines()[-1])
    assert usual.keys() <= lines[0].keys()


@pytest.mark.usefixtures("structlog_restored")
def test_state_changes_obey_the_log_level() -> None:
    out = io.StringIO()
    configure_logging(Settings(log_format="json", log_level="warning"), "registry", out)
    StateLog().write([(make_job(), None, State.QUEUED)])
    assert out.getvalue() == ""
    assert not structlog.get_logger().is_enabled_for(logging.INFO)


@pytest.mark.usefixtures("structlog_restored")
def test_state_changes_are_readable_on_a_console() -> None:
    out = io.StringIO()
    configure_logging(Settings(log_format="console"), "registry", out)
    job = make_job()
    StateLog().write([(job, None, State.QUEUED)])
    assert job.id in out.getvalue()
