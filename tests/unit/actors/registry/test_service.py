"""The start of the registry."""

from __future__ import annotations

import asyncio

import pytest

from reelyard.actors.jobs.model import State
from reelyard.cluster.errors import Unavailable
from tests.unit.actors.registry.builders import (
    done,
    make_job,
    report,
)
from tests.unit.actors.registry.conftest import RegistryHarness


async def test_a_store_that_is_there_already_is_opened_without_writing(
    harness: RegistryHarness,
) -> None:
    await harness.accepted(make_job())
    await harness.killed_and_restarted()
    await harness.registry.stop()
    await harness.killed_and_restarted()
    assert (harness.settings.data / "jobs.db-wal").stat().st_size == 0


async def test_a_store_that_cannot_be_opened_is_tried_again_at_the_next_call(
    harness: RegistryHarness,
) -> None:
    folder = harness.settings.data
    folder.mkdir(parents=True)
    (folder / "jobs.db").mkdir()
    with pytest.raises(Unavailable):
        await harness.registry.ping()
    (folder / "jobs.db").rmdir()
    assert await harness.registry.ping() == harness.registry.epoch


async def test_changes_tell_of_each_step_and_of_progress(harness: RegistryHarness) -> None:
    start = await harness.registry.changes(-1, 0)
    waiting = asyncio.ensure_future(harness.registry.changes(start.seq, 60))
    await asyncio.sleep(0)
    (job,) = await harness.accepted(make_job())
    changes = await waiting
    for action in (harness.lease(), None, None):
        if action is not None:
            (lease,) = await action
        elif changes.seq == start.seq + 2:
            await harness.registry.report("s", "a", [report(lease, 5)])
        else:
            await harness.commit(done(lease))
        changes = await harness.registry.changes(changes.seq, 60)
        assert (changes.epoch, changes.job_ids) == (start.epoch, [job.id])
    assert await harness.registry.ping() == start.epoch


async def test_a_page_shows_the_progress_of_running_jobs(harness: RegistryHarness) -> None:
    from reelyard.actors.jobs.messages import PageQuery

    await harness.accepted(make_job())
    (lease,) = await harness.lease()
    await harness.registry.report("s", "a", [report(lease, 42)])
    (job,) = await harness.registry.page(PageQuery("default", state=State.RUNNING))
    assert job.progress == 42
