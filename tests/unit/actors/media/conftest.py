"""Files that several tests work on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.images import quadrants


class SampleMaker(Protocol):
    """Makes a sample of a name and of the kinds that `make_sample` takes."""

    def __call__(self, name: str = "a.mp4", **kinds: Any) -> Path: ...


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    quadrants().save(path)
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> SampleMaker:
    """A maker of samples that keeps what it has made."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[object, Path] = {}

    def make(name: str = "a.mp4", **kinds: Any) -> Path:
        key = (name, *sorted(kinds.items()))
        if key not in made:
            path = folder / f"{len(made)}" / name
            path.parent.mkdir()
            made[key] = make_sample(path, **kinds)
        return made[key]

    return make


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 s, 25 frames a second, a key frame each second, with audio."""
    return make_sample(tmp_path_factory.mktemp("clip") / "clip.mp4", duration_s=2)


@pytest.fixture(scope="module")
def long_gop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 s with one key frame."""
    path = tmp_path_factory.mktemp("clip") / "long.mp4"
    return make_sample(path, duration_s=4, gop=1000, audio=False)


@pytest.fixture(scope="module", params=[".mp4", ".mkv", ".ts", ".mpg", ".avi", ".webm"])
def any_video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 frames at 25/s, a key frame each second, without audio: in each kind of container."""
    path = tmp_path_factory.mktemp("video") / f"a{request.param}"
    return make_sample(path, audio=False)
