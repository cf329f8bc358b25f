"""Frames in the shape that encoders want."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from reelyard.actors.media.codec.frame_conversion import FilterChain, Normalizer, upright
from reelyard.actors.media.codec.geometry import Orientation
from reelyard.actors.testing.sample_media import make_sample, plane_of, read_corners
from tests.unit.actors.media.videos import frames_of


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("p") / "a.mp4", duration_s=0.4, audio=False)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirror", [False, True])
def test_a_frame_is_mirrored_then_turned_counter_clockwise(
    video: Path, turns: int, mirror: bool
) -> None:
    frame = frames_of(video)[0]
    turned = upright(frame, Orientation(turns, mirror))
    grid = np.array([[0, 1], [2, 3]])
    expected = np.rot90(grid[:, ::-1] if mirror else grid, turns)
    assert read_corners(turned) == tuple(expected.ravel())
    assert (turned.width < turned.height) == (turns % 2 == 1)


def test_a_frame_that_stands_upright_is_handed_back_as_it_is(video: Path) -> None:
    frame = frames_of(video)[0]
    assert upright(frame, 0) is frame
    assert upright(frame, 360) is frame


def test_time_stamps_survive_scaling_and_filters(video: Path) -> None:
    chain, normalizer = FilterChain([("hflip", ""), ("crop", "100:80:10:10")]), Normalizer(160, 90)
    for frame in frames_of(video):
        small = next(chain.push(normalizer.convert(frame)))
        assert (small.pts, small.width, small.height) == (frame.pts, 100, 80)
        assert small.time_base == frame.time_base


def test_a_chain_follows_a_change_of_size(video: Path) -> None:
    chain = FilterChain([("vflip", "")])
    first, second = Normalizer(64, 36), Normalizer(128, 72)
    frames = frames_of(video)[:2]
    widths = [
        next(chain.push(n.convert(f))).width for n, f in zip((first, second), frames, strict=True)
    ]
    assert widths == [64, 128]


def test_hdr_becomes_standard_range_with_visible_tones(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mp4", hdr=True, duration_s=0.2, audio=False)
    frame = frames_of(path)[0]
    plain = Normalizer(320, 180).convert(frame)
    assert (plain.format.name, plain.color_trc, plain.color_primaries, plain.colorspace) == (
        "yuv420p",
        1,
        1,
        1,
    )
    luma = plane_of(plain)
    assert luma.max() - luma.min() > 100


def test_full_range_and_rgb_become_limited_range(tmp_path: Path) -> None:
    full = frames_of(make_sample(tmp_path / "a.mp4", full_range=True, duration_s=0.2))[0]
    assert Normalizer(320, 180).convert(full).color_range == 1
    white = av.VideoFrame.from_ndarray(np.full((36, 64, 3), 255, np.uint8), "rgb24")
    plain = Normalizer(64, 36).convert(white)
    assert (plain.colorspace, plain.color_range, int(plane_of(plain).max())) == (1, 1, 235)


def test_ten_bits_become_eight_with_the_same_brightness(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mkv", pix_fmt="yuv420p10le", duration_s=0.2, audio=False)
    plain = Normalizer(320, 180).convert(frames_of(path)[0])
    assert read_corners(plain) == (0, 1, 2, 3)
