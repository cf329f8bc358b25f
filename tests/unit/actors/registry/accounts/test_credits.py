"""Credits, while what is charged and refunded is on its way to the store."""

from __future__ import annotations

import asyncio

import pytest

from reelyard.actors.jobs.messages import Accepted, Refusal
from reelyard.actors.jobs.model import ErrorInfo
from reelyard.cluster.errors import StorageFull
from tests.unit.actors.registry.builders import BROKEN, failed, make_job
from tests.unit.actors.registry.conftest import RegistryHarness


async def test_a_charge_that_was_not_written_is_not_counted(harness: RegistryHarness) -> None:
    await harness.registry.grant("default", 5)
    await harness.limit_pages(1)
    with pytest.raises(StorageFull):
        await harness.submit(make_job(credits=5, metadata={"text": "x" * 100_000}))
    await harness.limit_pages(0)
    await harness.accepted(make_job(credits=5))
    assert (await harness.registry.usage("default")).credits_left == 0


async def test_a_refund_that_was_not_written_is_not_counted(harness: RegistryHarness) -> None:
    await harness.registry.grant("default", 5)
    await harness.accepted(make_job(credits=5))
    (lease,) = await harness.lease()
    await harness.limit_pages(1)
    too_big = ErrorInfo("corrupt_media", "x" * 100_000)
    with pytest.raises(StorageFull):
        await harness.commit(failed(lease, too_big))
    await harness.limit_pages(0)
    (answer,) = await harness.submit(make_job(credits=5))
    assert isinstance(answer, Refusal)
    await harness.in_sync_again()
    assert await harness.commit(failed(lease, too_big))
    await harness.accepted(make_job(credits=5))
    assert (await harness.registry.usage("default")).credits_left == 0


async def test_a_refund_that_comes_while_the_balance_is_read_is_counted(
    harness: RegistryHarness,
) -> None:
    await harness.registry.grant("default", 5)
    await harness.accepted(make_job(credits=5))
    (lease,) = await harness.lease()
    await harness.killed_and_restarted()
    harness.store.may_read.clear()
    submitting = asyncio.ensure_future(harness.submit(make_job(credits=5)))
    await asyncio.sleep(0.02)
    assert await harness.commit(failed(lease, BROKEN))
    harness.store.may_read.set()
    (answer,) = await submitting
    assert isinstance(answer, Accepted)


async def test_credits_in_use_while_more_are_granted_are_not_spent_twice(
    harness: RegistryHarness,
) -> None:
    await harness.registry.grant("default", 5)
    harness.store.may_answer.clear()
    submitting = asyncio.ensure_future(harness.submit(make_job(credits=5)))
    await asyncio.sleep(0.02)
    await harness.registry.grant("default", 5)
    harness.store.may_answer.set()
    await submitting
    first, second = await harness.submit(make_job(credits=5), make_job(credits=1))
    assert isinstance(first, Accepted)
    assert isinstance(second, Refusal)
