"""One server without any key, and media, for the command line and the Python client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reelyard.actors.testing.sample_media import make_sample
from tests.live_server import LiveServer, live_server


@pytest.fixture(scope="package")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of real media: clip.mp4 (2 s), long.mp4 (a minute), photo.jpg, broken.mp4."""
    folder = tmp_path_factory.mktemp("clips")
    make_sample(folder / "clip.mp4", duration_s=2.0)
    make_sample(folder / "long.mp4", duration_s=60.0, width=1280, height=720, fps=30)
    make_sample(folder / "photo.jpg", width=640, height=360)
    (folder / "broken.mp4").write_text("this is no video")
    return folder


@pytest.fixture(scope="package")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running server, with Ray's dashboard."""
    data_dir = tmp_path_factory.mktemp("yard") / "data"
    with live_server(data_dir, {"dashboard": "yes"}) as server:
        yield server
