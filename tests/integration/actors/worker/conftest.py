"""One real embedded cluster for the tests of this folder; it ends with the last of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.media.operation import load_operations
from cluster.runtime import start_embedded
from tests.integration.actors.worker.engine import Engine, engine_settings


@pytest.fixture(scope="package")
def engine() -> Iterator[Engine]:
    """The engine of all tests in this folder. Tests may kill its parts: they come back."""
    from actors.engine import start_engine, stop_engine

    data_dir = Path(tempfile.mkdtemp(prefix="ry-test-"))
    settings = engine_settings(data_dir)
    load_operations(settings.operations)
    os.environ.pop("RAY_ADDRESS", None)
    cluster = start_embedded(settings)
    try:
        start_engine(settings)
        yield Engine(settings, cluster)
        stop_engine(settings, grace_s=0.5)
    finally:
        cluster.stop()
        shutil.rmtree(data_dir, ignore_errors=True)
