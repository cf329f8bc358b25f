"""A running worker among fakes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.actors.worker.worker_harness import WorkerHarness, start_worker


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    worker = start_worker(tmp_path)
    yield worker
    await worker.end()
