"""Servers in this process, for every test of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from reelyard.cluster.settings import Settings
from tests.dialect_harness import DialectHarness, open_dialects
from tests.unit.api.api_harness import ApiHarness, MakeHarness, start_harness


@pytest.fixture
async def make_harness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakeHarness]:
    """`await make_harness(setting=value)`: a server with those settings, whose polls are as of
    now."""
    # Here a worker's change and the poll after it are no milliseconds apart.
    monkeypatch.setattr("reelyard.api.registry_client.client.POLL_AGE_S", -1.0)
    harnesses: list[ApiHarness] = []

    async def make(**changes: Any) -> ApiHarness:
        folder = tmp_path / f"d{len(harnesses)}"
        harness = await start_harness(Settings.model_validate({"data_dir": folder} | changes))
        harnesses.append(harness)
        return harness

    yield make
    for harness in harnesses:
        await harness.close()


@pytest.fixture
async def harness(make_harness: MakeHarness) -> ApiHarness:
    """A server with the usual settings."""
    return await make_harness()


@pytest.fixture
async def dialects(tmp_path: Path) -> AsyncIterator[DialectHarness]:
    """All dialects on one registry, with a worker that a test steps by hand."""
    async with open_dialects(Settings(data_dir=tmp_path, max_form_bytes=1 << 20)) as found:
        yield found
