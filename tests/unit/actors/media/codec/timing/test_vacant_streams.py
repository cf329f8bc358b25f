"""Streams that are declared and hold nothing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from reelyard.actors.media.codec.source import open_input
from reelyard.actors.media.codec.timing.vacant_streams import vacant_streams
from reelyard.actors.media.operation import Limits
from tests.unit.actors.media.videos import source


def with_empty_tracks(path: Path, *, video: int = 0, audio: int = 0, sound: bool = False) -> Path:
    """1 s of video (or of sound), before it so many empty tracks of video and of audio."""
    with av.open(str(path), "w") as out:
        for _ in range(video):
            empty = out.add_stream("mpeg4", rate=25)
            empty.width, empty.height, empty.pix_fmt = 64, 48, "yuv420p"
        for _ in range(audio):
            out.add_stream("aac", rate=48_000, layout="stereo")
        if sound:
            line = out.add_stream("aac", rate=48_000, layout="mono")
            piece = av.AudioFrame.from_ndarray(
                np.sin(np.arange(48_000, dtype=np.float32) / 20).reshape(1, -1), "fltp", "mono"
            )
            piece.sample_rate = 48_000
            out.mux(line.encode(piece))
            out.mux(line.encode(None))
            return path
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(25):
            grey = np.full((72, 64), number * 9, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def vacant(path: Path) -> frozenset[int]:
    with open_input(path) as container:
        return vacant_streams(source(path), container, Limits())


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".avi", ".mov"])
def test_tracks_without_a_packet_are_found(tmp_path: Path, suffix: str) -> None:
    path = with_empty_tracks(tmp_path / f"a{suffix}", video=1, audio=2)
    with open_input(path) as container:
        # Some muxers do not write what holds nothing.
        declared = {s.index for s in container.streams} - {len(container.streams) - 1}
    assert vacant(path) == declared


def test_files_without_empty_tracks_have_none(any_video: Path) -> None:
    assert vacant(any_video) == frozenset()


def test_the_only_track_is_not_called_empty(tmp_path: Path) -> None:
    assert vacant(with_empty_tracks(tmp_path / "a.mkv")) == frozenset()
