"""Profiles of images whose colours are told by numbers or chunks."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from reelyard.actors.media.stills import to_srgb
from reelyard.actors.media.stills.profiles import matrix_profile, profile_by_numbers
from tests.unit.actors.media.images import opened, quadrants, run_image
from tests.unit.actors.media.photos import display_p3


def _png_with(path: Path, *chunks: tuple[bytes, bytes]) -> Path:
    """A grey-green PNG with chunks behind its header."""
    packed = io.BytesIO()
    Image.new("RGB", (16, 16), (100, 200, 100)).save(packed, "PNG")
    data, extra = packed.getvalue(), b""
    for kind, content in chunks:
        extra += struct.pack(">I", len(content)) + kind + content
        extra += struct.pack(">I", zlib.crc32(kind + content))
    path.write_bytes(data[:33] + extra + data[33:])
    return path


def _points(*values: float) -> bytes:
    return struct.pack(">8I", *(round(value * 100_000) for value in values))


SRGB_POINTS = _points(0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
P3_POINTS = _points(0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
USUAL_GAMMA = struct.pack(">I", 45_455)


def test_the_profile_of_srgb_s_own_primaries_changes_no_colour() -> None:
    srgb = matrix_profile(((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.3290)), None)
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8))
    change = np.asarray(to_srgb(image, srgb), int) - np.asarray(image, int)
    assert np.abs(change).max() <= 1


def test_a_wide_green_becomes_a_purer_one_in_srgb() -> None:
    image = Image.new("RGB", (1, 1), (100, 200, 100))
    assert to_srgb(image, display_p3()).getpixel((0, 0)) == pytest.approx((45, 203, 86), abs=2)


@pytest.mark.parametrize("primaries", [9, 11, 12])
def test_wide_colours_have_a_profile_that_colour_management_takes(primaries: int) -> None:
    profile = profile_by_numbers(primaries, 13)
    assert profile is not None
    opened_profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    assert ImageCms.getProfileDescription(opened_profile).startswith("RGB")


@pytest.mark.parametrize("numbers", [(1, 13), (2, 2), (1, 1), (6, 6), (5, 6)])
def test_usual_colours_need_no_profile(numbers: tuple[int, int]) -> None:
    assert profile_by_numbers(*numbers) is None


@pytest.mark.parametrize(
    ("chunks", "profiled"),
    [
        ([(b"cICP", bytes((12, 13, 0, 1)))], True),
        ([(b"cICP", bytes((1, 13, 0, 1))), (b"cHRM", P3_POINTS)], False),
        ([(b"gAMA", USUAL_GAMMA), (b"cHRM", P3_POINTS)], True),
        ([(b"gAMA", USUAL_GAMMA), (b"cHRM", SRGB_POINTS)], False),
        ([(b"sRGB", b"\0"), (b"cHRM", P3_POINTS)], False),
        ([(b"gAMA", struct.pack(">I", 100_000))], True),
    ],
)
def test_a_png_s_colours_are_read_from_the_chunk_that_counts_first(
    tmp_path: Path, chunks: list[tuple[bytes, bytes]], profiled: bool
) -> None:
    path = _png_with(tmp_path / "a.png", *chunks)
    assert ("icc_profile" in opened(run_image(path, tmp_path / "out")).info) is profiled


def test_the_profile_of_a_jpeg_2000_is_kept(tmp_path: Path) -> None:
    packed = io.BytesIO()
    quadrants().save(packed, "JPEG2000", no_jp2=False)
    data = packed.getvalue()
    at, profile = data.index(b"colr") - 4, display_p3()
    size = int.from_bytes(data[at : at + 4], "big")
    box = (11 + len(profile)).to_bytes(4, "big") + b"colr\2\0\0" + profile
    outer = data.index(b"jp2h") - 4
    grown = int.from_bytes(data[outer : outer + 4], "big") + len(box) - size
    whole = data[:outer] + grown.to_bytes(4, "big") + data[outer + 4 : at] + box + data[at + size :]
    (tmp_path / "a.jp2").write_bytes(whole)
    shown = opened(run_image(tmp_path / "a.jp2", tmp_path / "out"))
    assert shown.info["icc_profile"] == profile


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_a_profile_goes_from_every_format_into_every_other(
    tmp_path: Path, suffix: str, format: str
) -> None:
    quadrants().save(tmp_path / f"a.{suffix}", icc_profile=display_p3())
    shown = opened(run_image(tmp_path / f"a.{suffix}", tmp_path / "out", format=format))
    assert shown.info["icc_profile"] == display_p3()


def test_samples_in_a_profile_become_srgb_under_their_alpha() -> None:
    image = Image.new("RGBA", (1, 1), (100, 200, 100, 70))
    assert to_srgb(image, display_p3()).getpixel((0, 0)) == pytest.approx((45, 203, 86, 70), abs=2)
