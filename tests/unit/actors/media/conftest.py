"""Files that several tests work on."""

from __future__ import annotations

import pytest

from actors.testing.sample_media import make_sample
from tests.unit.actors.media.images import quadrants


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    quadrants().save(path)
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A maker of samples that keeps what it has made."""
    folder, made = tmp_path_factory.mktemp("clips"), {}

    def make(name="a.mp4", **kinds):
        key = (name, *sorted(kinds.items()))
        if key not in made:
            path = folder / f"{len(made)}" / name
            path.parent.mkdir()
            made[key] = make_sample(path, **kinds)
        return made[key]

    return make


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """2 s, 25 frames a second, a key frame each second, with sound."""
    return make_sample(tmp_path_factory.mktemp("clip") / "clip.mp4", duration_s=2)


@pytest.fixture(scope="module")
def long_gop(tmp_path_factory):
    """4 s with one key frame."""
    path = tmp_path_factory.mktemp("clip") / "long.mp4"
    return make_sample(path, duration_s=4, gop=1000, audio=False)
