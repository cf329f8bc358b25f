"""A real engine for all tests of this folder, and what staging and publishing work with."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelyard.actors.media.catalogue import load_operations
from reelyard.actors.media.operation import MediaFile
from reelyard.cluster.runtime.ray_cluster import start_embedded
from reelyard.cluster.settings import Settings
from tests.integration.actors.worker.leases import MakeFile
from tests.integration.actors.worker.running_engine import RunningEngine, engine_settings


@pytest.fixture(scope="package")
def engine() -> Iterator[RunningEngine]:
    """The engine of all tests in this folder. Tests may kill its parts: they come back."""
    from reelyard.actors.engine import start_engine, stop_engine

    data_dir = Path(tempfile.mkdtemp(prefix="ry-test-"))
    settings = engine_settings(data_dir)
    load_operations(settings.operations)
    os.environ.pop("RAY_ADDRESS", None)
    cluster = start_embedded(settings)
    try:
        start_engine(settings)
        yield RunningEngine(settings, cluster)
        stop_engine(settings, grace_s=0.5)
    finally:
        cluster.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    count = iter(range(1000))

    def make(name: str = "clip.mp4", data: bytes = b"video") -> MediaFile:
        folder = tmp_path / f"out-{next(count)}"
        folder.mkdir()
        (folder / name).write_bytes(data)
        return MediaFile(folder / name, kind="video", facts={"width": 2})

    return make
