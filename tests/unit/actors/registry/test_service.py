"""The start of the registry."""

from __future__ import annotations

import pytest

from cluster.errors import Unavailable
from tests.unit.actors.registry.builders import make_job
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
