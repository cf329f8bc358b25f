from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cluster.settings import Settings
from tests.dialect_world import World, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(Settings(data_dir=tmp_path, max_form_bytes=1 << 20)) as found:
        yield found
