"""The times of a transcode: which part is taken, and when each of its frames is shown."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.rational import AVRational

from reelyard.actors.media.codec.decode import seconds
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import (
    MediaError,
)
from tests.unit.actors.media.conftest import SampleMaker
from tests.unit.actors.media.videos import numbers_of, samples_of, times_of, transcode


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.mkv", "a.mpg"])
def test_a_part_is_cut_to_the_frame_and_to_the_sample(
    clips: SampleMaker, tmp_path: Path, name: str
) -> None:
    clip = clips(name)
    [file] = transcode(
        clip, tmp_path / "o", format="mov", start=0.5, end=1.5, audio_codec="pcm_s16le"
    ).files
    numbers = numbers_of(file.path)
    assert numbers == list(range(numbers[0], numbers[0] + 25))
    assert numbers[0] in (12, 13)
    assert samples_of(file.path).shape[1] == 48_000


def test_a_part_behind_the_end_is_refused(clips: SampleMaker, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"2\.000 s long"):
        transcode(clips(), tmp_path / "o", start=5)
    assert list((tmp_path / "o").iterdir()) == []


def test_a_part_in_the_middle_of_a_long_frame_shows_that_frame(tmp_path: Path) -> None:
    clip = make_sample(tmp_path / "a.mp4", fps=1, duration_s=6, audio=False)
    [file] = transcode(clip, tmp_path / "o", start=2.4, end=2.8).files
    assert numbers_of(file.path) == [2]


@pytest.mark.parametrize(("fps", "count"), [(10, 20), (60, 120), (29.97, 60)])
def test_a_constant_rate_shows_each_moment_with_the_frame_of_that_moment(
    clips: SampleMaker, tmp_path: Path, fps: int, count: int
) -> None:
    [file] = transcode(clips(vfr=True), tmp_path / "o", fps=fps).files
    assert file.facts["frames"] == count
    source_times = times_of(clips(vfr=True))
    for number, at in zip(numbers_of(file.path), times_of(file.path), strict=True):
        assert source_times[number] <= at + 0.3 / fps
        assert number + 1 == len(source_times) or source_times[number + 1] > at - 0.002


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_a_video_keeps_all_its_frames_at_its_own_rate(
    clips: SampleMaker, tmp_path: Path, name: str
) -> None:
    clip = clips(name, fps=30, duration_s=1, audio=False)
    [file] = transcode(clip, tmp_path / "o", fps=30).files
    assert numbers_of(file.path) == list(range(30))
    assert times_of(file.path)[-1] == pytest.approx(29 / 30, abs=0.001)


def test_a_slow_video_that_is_cut_between_two_frames_begins_with_a_frame(tmp_path: Path) -> None:
    clip = make_sample(tmp_path / "a.mp4", fps=2, duration_s=4, audio=False)
    [file] = transcode(clip, tmp_path / "o", start=1.25).files
    assert numbers_of(file.path) == [2, 3, 4, 5, 6, 7]
    assert times_of(file.path)[:2] == [0, 0.25]


def test_chapters_move_with_the_part_that_is_cut_out(clips: SampleMaker, tmp_path: Path) -> None:
    with (
        av.open(str(clips())) as source,
        av.open(str(tmp_path / "a.mkv"), "w") as out,
    ):
        out.set_chapters(
            [
                {
                    "id": number,
                    "start": number * 500,
                    "end": number * 500 + 500,
                    "time_base": AVRational(1, 1000),
                    "metadata": {"title": f"No. {number}"},
                }
                for number in range(4)
            ]
        )
        copies = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    for form in ("mp4", "mkv", "m4a", "mp3"):
        [file] = transcode(
            tmp_path / "a.mkv", tmp_path / form, format=form, start=0.7, end=1.6
        ).files
        with av.open(str(file.path)) as container:
            found = [
                (
                    chapter["metadata"]["title"],
                    *(
                        round(float(seconds(at, chapter["time_base"]) or 0), 2)
                        for at in (chapter["start"], chapter["end"])
                    ),
                )
                for chapter in container.chapters()
            ]
        assert found == [("No. 1", 0, 0.3), ("No. 2", 0.3, 0.8), ("No. 3", 0.8, 0.9)]


def test_a_bare_stream_that_counts_its_pictures_is_shown_at_its_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.drc"
    with av.open(str(path), "w", format="dirac") as out:
        stream = out.add_stream("vc2", rate=25, bit_rate=200_000_000)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(25):
            image = np.full((180, 160), 10 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    [file] = transcode(path, tmp_path / "o").files
    assert times_of(file.path) == pytest.approx([number / 25 for number in range(25)], abs=0.002)
    assert file.facts["duration_s"] == pytest.approx(1.0, abs=0.01)
