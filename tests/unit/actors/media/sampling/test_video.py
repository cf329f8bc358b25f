"""Videos opened for sampling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelyard.actors.media.operation import Limits
from reelyard.actors.media.sampling.video import open_video
from reelyard.actors.testing.sample_media import make_sample, read_frame_number
from reelyard.cluster.errors import MediaError
from tests.unit.actors.media.images import make_animation
from tests.unit.actors.media.previews import number_of, run_preview, shown
from tests.unit.actors.media.videos import restamped, source


def test_the_length_of_a_video_whose_container_does_not_tell_it_is_measured(tmp_path: Path) -> None:
    video = make_sample(tmp_path / "a.mp4", duration_s=2.0, gop=5, audio=False)
    endless = tmp_path / "endless.mkv"
    with av.open(str(video)) as source, av.open(str(endless), "w", options={"live": "1"}) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    with av.open(str(endless)) as container:
        assert container.duration is None
    result = run_preview(endless, tmp_path / "out", preview_type="thumbnail")
    assert result.data["timestamp"] == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("kind", ["gif", "thumbnail", "mosaic", "clip"])
def test_a_video_of_one_frame_has_every_preview(tmp_path: Path, kind: str) -> None:
    path = make_sample(tmp_path / "c.mp4", duration_s=0.04, audio=False)
    result = run_preview(path, tmp_path / "out", preview_type=kind)
    assert result.files[0].facts["frames"] == 1


def test_an_attached_cover_is_not_taken_for_the_video(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "c.mp4", duration_s=0.4, attached_picture=True)
    result = run_preview(path, tmp_path / "out", preview_type="thumbnail")
    assert (result.data["width"], result.data["height"]) == (320, 180)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".avif"])
@pytest.mark.parametrize(("kind", "count"), [("gif", 5), ("clip", 5), ("mosaic", 1)])
def test_animated_images_of_every_format_are_videos(
    tmp_path: Path, suffix: str, kind: str, count: int
) -> None:
    path = make_animation(tmp_path / f"a{suffix}")
    [file] = run_preview(
        path, tmp_path / "o", preview_type=kind, columns=5, rows=1, width=640
    ).files
    assert file.facts["frames"] == count
    with av.open(str(file.path)) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    reds = [image[:, :, 0].mean() for image in (shown if count > 1 else np.split(shown[0], 5, 1))]
    assert reds == pytest.approx([n * 50 for n in range(5)], abs=6)


def test_the_frame_on_show_is_found_in_any_container(any_video: Path) -> None:
    with open_video(source(any_video), Limits()) as opened:
        shown = [next(opened.shown_at([time_s])) for time_s in (0, 0.5, 1.02, 1.5, 100)]
    numbers = [read_frame_number(frame) for frame in shown]
    if any_video.suffix == ".avi":
        # The encoder leaves an empty place before the second frame of an AVI.
        assert numbers in ([0, 11, 24, 36, 49], [0, 12, 25, 37, 49])
    else:
        assert numbers == [0, 12, 25, 37, 49]


def test_a_key_frame_comes_from_at_or_before_the_time(any_video: Path) -> None:
    with open_video(source(any_video), Limits()) as opened:
        numbers = [
            read_frame_number(frame)
            for time_s in (0, 1.5)
            if (frame := opened.key_frame_at(time_s)) is not None
        ]
    assert numbers[0] == 0
    assert numbers[1] in (0, 25)


def test_a_key_packet_that_is_not_worth_it_is_not_decoded(any_video: Path) -> None:
    with open_video(source(any_video), Limits()) as opened:
        asked: list[bool] = []

        def worth(packet: av.Packet[Any]) -> bool:
            asked.append(packet.is_keyframe)
            return False

        assert opened.key_frame_at(1.5, worth) is None
        assert asked == [True]


def test_the_packets_behind_a_key_frame_are_those_up_to_a_count(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mp4", duration_s=2.0, gop=10, audio=False)
    with open_video(source(path), Limits()) as opened:
        behind = list(opened.packets_behind(0.5, 7))
        assert [packet.is_keyframe for packet in behind] == [False] * 7
        assert len(list(opened.packets_behind(1.9, 100))) < 20


def test_a_matroska_file_that_does_not_begin_at_0_is_not_told_by_its_header(tmp_path: Path) -> None:
    late = restamped(make_sample(tmp_path / "a.mp4", gop=10), tmp_path / "late.mkv", 3)
    with (
        pytest.raises(MediaError, match="header"),
        open_video(source(late), Limits(), header_only=True),
    ):
        pass
    result = run_preview(late, tmp_path / "out", preview_type="thumbnail", width=320)
    assert number_of(shown(result)) == pytest.approx(25 * result.data["timestamp"])
