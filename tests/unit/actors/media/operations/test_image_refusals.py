"""Refusals of the operation `image`: limits, damage, parameters."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operation import Limits, Source, Work
from reelyard.actors.media.operations.image import ImageParams, image
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import (
    CorruptMedia,
    EmptySource,
    LimitExceeded,
    NoSuchStream,
    OutputUnwritable,
    SourceNotFound,
    SourceUnreadable,
    UnsupportedFormat,
    ValidationFailed,
)
from tests.unit.actors.media.images import run_image


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_png_of_30000_by_30000_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(30_000, 30_000))
    with pytest.raises(LimitExceeded, match=r"bomb\.png.*900,000,000 pixels.*100,000,000"):
        run_image(path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_pixel_limit_is_that_of_the_settings(photo: Path, tmp_path: Path) -> None:
    assert run_image(photo, tmp_path / "out", Limits(max_pixels=64 * 48)).files
    with pytest.raises(LimitExceeded, match="3,072 pixels"):
        run_image(photo, tmp_path / "out", Limits(max_pixels=64 * 48 - 1))


def test_an_image_is_not_enlarged_beyond_the_limit(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match="would become 6400 x 4800"):
        run_image(photo, tmp_path / "out", Limits(max_pixels=1_000_000), width=6400)


def test_bad_inputs_are_named(tmp_path: Path) -> None:
    files = {
        "text.png": (b"hello, this is text", CorruptMedia),
        "empty.png": (b"", EmptySource),
        "half.png": (None, CorruptMedia),
        "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedFormat),
        "next.jxl": (b"\xff\x0a" + bytes(100), UnsupportedFormat),
        "list.jpg": (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", UnsupportedFormat),
    }
    whole = tmp_path / "whole.png"
    make_sample(whole, width=200, height=200)
    for name, (data, expected) in files.items():
        path = tmp_path / name
        path.write_bytes(whole.read_bytes()[:9000] if data is None else data)
        with pytest.raises(expected, match=name):
            run_image(path, tmp_path / "out")
    with pytest.raises(SourceNotFound, match="nowhere"):
        run_image(tmp_path / "nowhere.png", tmp_path / "out")
    with pytest.raises(SourceUnreadable, match="folder"):
        run_image(tmp_path, tmp_path / "out")
    audio = make_sample(tmp_path / "s.mp3", duration_s=0.5)
    with pytest.raises(NoSuchStream, match=r"s\.mp3"):
        run_image(audio, tmp_path / "out")


def test_an_unwritable_output_is_said_to_be_so(photo: Path, tmp_path: Path) -> None:
    checked = ImageParams()
    with pytest.raises(OutputUnwritable, match="photo"):
        image(Work([Source(photo, "photo.png")], checked, tmp_path / "missing"))


@pytest.mark.parametrize(
    "params",
    [
        {"format": "heic"},
        {"quality": 0},
        {"quality": 101},
        {"quality": "best"},
        {"width": 0},
        {"width": -5},
        {"width": True},
        {"width": "0%"},
        {"width": "abc"},
        {"width": 20_000},
        {"fit": "crop"},
        {"position": "above"},
        {"background": "blue"},
        {"start": -1},
        {"colour": "red"},
    ],
)
def test_impossible_parameters_are_refused_beforehand(params: dict[str, object]) -> None:
    with pytest.raises(ValidationFailed) as caught:
        find_operation("image").parse(params)
    assert caught.value.details["errors"][0]["loc"][0] == next(iter(params))
