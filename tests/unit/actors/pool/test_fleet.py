"""A worker as the pool manager knows it, by what it told last."""

from __future__ import annotations

import pytest

from reelyard.actors.pool.fleet import Member
from reelyard.actors.worker.status import LoopStatus, WorkerStatus


def status(loop: LoopStatus | None) -> WorkerStatus:
    return WorkerStatus(
        slot="media-cpu-1",
        incarnation="a",
        pool="cpu",
        node="127.0.0.1",
        node_id="n",
        pid=1,
        codec_pid=None,
        cuda_devices="",
        capabilities=[],
        loop=loop,
    )


@pytest.fixture
def member() -> Member:
    return Member("media-cpu-1", "cpu", handle=None, incarnation=None)


def test_a_worker_that_has_told_nothing_counts_as_idle_for_no_time(member: Member) -> None:
    assert (member.view.held, member.view.idle_s, member.view.alive) == (0, 0.0, False)
    assert member.record.status is None


def test_a_worker_that_takes_no_tasks_yet_holds_none(member: Member) -> None:
    member.status = status(None)
    assert (member.view.held, member.view.idle_s) == (0, 0.0)


def test_a_worker_is_sized_by_what_it_told_last(member: Member) -> None:
    member.alive, member.status = True, status(LoopStatus(2, 1.5, 7, draining=False))
    assert (member.view.held, member.view.idle_s, member.view.alive) == (2, 1.5, True)


@pytest.mark.parametrize(("told", "says"), [(True, False), (False, True)])
def test_a_worker_drains_if_it_was_told_to_or_says_so(
    member: Member, told: bool, says: bool
) -> None:
    member.status = status(LoopStatus(0, 0.0, 0, draining=False))
    assert not member.record.draining
    member.draining = told
    member.status = status(LoopStatus(0, 0.0, 0, draining=says))
    assert member.record.draining
