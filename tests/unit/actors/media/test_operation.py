"""An operation's input, as each operation really uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from reelyard.actors.media import sniff
from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operation import Source, Work
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.images import make_animation


@pytest.fixture
def sniffed(monkeypatch: pytest.MonkeyPatch) -> Counter[Path]:
    """How often each file was sniffed."""
    counts: Counter[Path] = Counter()
    real = sniff.sniff

    def counting(file: BinaryIO, name: str) -> sniff.Sniffed:
        counts[Path(file.name)] += 1
        return real(file, name)

    monkeypatch.setattr(sniff, "sniff", counting)
    return counts


def video(folder: Path) -> Path:
    return make_sample(folder / "a.mp4", duration_s=1)


def photo(folder: Path) -> Path:
    return make_sample(folder / "b.png")


def animation(folder: Path) -> Path:
    return make_animation(folder / "c.gif")


def music(folder: Path) -> Path:
    return make_sample(folder / "d.mp3")


@pytest.mark.parametrize(
    ("name", "params", "makers"),
    [
        ("transcode", {"preset": "ultrafast"}, [video]),
        ("transcode", {"preset": "ultrafast", "start": 0.5}, [video]),
        ("transcode", {"preset": "ultrafast"}, [video, photo, animation]),
        ("transcode", {"format": "wav"}, [music]),
        ("enhance", {"start": 0.2}, [video]),
        ("enhance", {}, [music]),
        ("preview", {"preview_type": "gif"}, [video]),
        ("preview", {"preview_type": "gif"}, [animation]),
        ("preview", {"preview_type": "clip"}, [video]),
        ("preview", {"preview_type": "mosaic"}, [video]),
        ("preview", {"preview_type": "thumbnail"}, [video]),
        ("preview", {"preview_type": "thumbnail"}, [photo]),
        ("optimize", {}, [video]),
        ("optimize", {}, [photo]),
        ("image", {}, [photo]),
        ("image", {"start": 0.5}, [video]),
        ("probe", {}, [video]),
        ("probe", {}, [photo]),
    ],
)
def test_an_input_is_sniffed_once_however_often_it_is_opened(
    tmp_path: Path,
    sniffed: Counter[Path],
    name: str,
    params: dict[str, Any],
    makers: list[Callable[[Path], Path]],
) -> None:
    operation = find_operation(name)
    paths = [make(tmp_path) for make in makers]
    (tmp_path / "out").mkdir()
    sources = [Source(path, path.name) for path in paths]
    operation.run(Work(sources, operation.parse(params), tmp_path / "out", threads=2))
    assert [sniffed[path] for path in paths] == [1] * len(paths)


def test_inputs_are_equal_by_path_and_name_whether_they_were_sniffed_or_not(tmp_path: Path) -> None:
    path = photo(tmp_path)
    looked_at = Source(path, "b.png")
    assert looked_at.sniffed.format == "png"
    assert looked_at == Source(path, "b.png")
    assert looked_at != Source(path, "c.png")
