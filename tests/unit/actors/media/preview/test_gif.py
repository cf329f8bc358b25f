"""GIFs: frames, rate, palette, fades."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from reelyard.actors.media.frames import Colour, blank
from reelyard.actors.media.preview.gif import GifSettings, graded
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.previews import gif_frames_of, luma, number_of, run_preview, shown


def test_a_gif_shows_the_asked_stretch_at_its_rate_and_loops(clip: Path, tmp_path: Path) -> None:
    result = run_preview(
        clip, tmp_path / "out", preview_type="gif", start="0:01", duration=0.5, fps=10, width=320
    )
    frames, delays = gif_frames_of(result)
    assert [frame.size for frame in frames] == [(320, 180)] * 5
    numbers = [number_of(frame) for frame in frames]
    assert numbers == [25, 27, 30, 32, 35]
    assert delays == [100] * 5
    assert b"NETSCAPE2.0\x03\x01\x00\x00" in result.files[0].path.read_bytes()
    assert result.files[0].kind == "animation"
    assert result.data["duration"] == 0.5


def test_a_gif_has_a_palette_of_its_own_colours(clip: Path, tmp_path: Path) -> None:
    result = run_preview(clip, tmp_path / "out", preview_type="gif", duration=0.2, width=320)
    written = np.asarray(shown(result), dtype=float)
    with av.open(str(clip)) as container:
        source = next(container.decode(video=0)).to_ndarray(format="rgb24")
    error = written - source
    assert 10 * np.log10(255**2 / (error**2).mean()) > 28


def test_a_gif_ends_where_the_video_ends(clip: Path, tmp_path: Path) -> None:
    result = run_preview(clip, tmp_path / "out", preview_type="gif", start=1.6, fps=10, width=64)
    assert result.files[0].facts["frames"] == 4


@pytest.mark.parametrize(("start", "numbers"), [(1.25, [2, 3]), (3.99, [7]), (4, [7])])
def test_a_gif_begins_with_what_is_on_show_at_its_start(
    tmp_path: Path, start: float, numbers: list[int]
) -> None:
    video = make_sample(tmp_path / "a.mp4", fps=2, duration_s=4, audio=False)
    result = run_preview(video, tmp_path / "o", preview_type="gif", start=start, duration=1, fps=2)
    assert [number_of(frame) for frame in gif_frames_of(result)[0]] == numbers


def test_uneven_frame_times_come_out_at_a_constant_rate(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "c.mp4", duration_s=1, vfr=True, audio=False)
    result = run_preview(path, tmp_path / "out", preview_type="gif", fps=20, width=320)
    numbers = [number_of(frame) for frame in gif_frames_of(result)[0]]
    assert len(numbers) in (20, 21)
    assert all(abs(number - index * 1.25) <= 1.5 for index, number in enumerate(numbers))


def test_a_long_gif_is_decoded_twice_with_the_same_result(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_preview(clip, tmp_path / "a", preview_type="gif", width=64)
    monkeypatch.setattr("reelyard.actors.media.preview.gif._KEEP_BYTES", 0)
    second = run_preview(clip, tmp_path / "b", preview_type="gif", width=64)
    assert first.files[0].path.read_bytes() == second.files[0].path.read_bytes()


def test_a_gif_fades_in_and_out(clip: Path, tmp_path: Path) -> None:
    result = run_preview(clip, tmp_path / "out", preview_type="gif", width=64, fade=0.5)
    means = [luma(frame).mean() for frame in gif_frames_of(result)[0]]
    assert means[0] < 5
    assert means[-1] < 5
    assert means[10] > 60


def test_a_loop_fade_ends_where_the_loop_begins() -> None:
    like = av.VideoFrame(4, 4, "yuv420p")
    frames = [(blank(4, 4, Colour(value, 128, 128)), like) for value in range(0, 200, 10)]
    settings = GifSettings(0, 2, 10, 4, loop_fade_s=0.4)
    levels = [int(p.planes[0][0, 0]) for p, _ in graded(frames, settings, len(frames))]
    assert levels[:12] == list(range(40, 160, 10))
    assert len(levels) == 16
    # From 160 in four steps towards 40, where the loop starts again.
    assert levels[12:] == sorted(levels[12:], reverse=True)
    assert abs(levels[-1] - 62) <= 1
