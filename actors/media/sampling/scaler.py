"""Frames of an open video made upright, small and SDR."""

from __future__ import annotations

import av

from actors.media.codec.frame_conversion import FilterChain, Normalizer
from actors.media.frames import Frame, flip, rotate, view
from actors.media.sampling.video import OpenVideo


class UprightScaler:
    """Makes upright, small SDR frames of a video's frames: yuv420p, BT.709 or as the video says."""

    def __init__(self, video: OpenVideo, width: int, height: int, threads: int = 1) -> None:
        self._turn = video.turn
        coded = (height, width) if video.turn.swaps else (width, height)
        self._normalizer = Normalizer(*coded, behind=video.behind, threads=threads)
        self._deinterlacer: FilterChain | None = None

    def scale(self, frame: av.VideoFrame) -> tuple[Frame, av.VideoFrame]:
        """The result, and a frame of PyAV's that carries its colour tags and time stamp."""
        if frame.interlaced_frame:
            frame = self._progressive(frame)
        scaled = self._normalizer.convert(frame)
        upright = view(scaled)
        if self._turn.mirror:
            upright = flip(upright, "horizontal")
        return rotate(upright, -90 * self._turn.turns), scaled

    def _progressive(self, frame: av.VideoFrame) -> av.VideoFrame:
        if self._deinterlacer is None:
            self._deinterlacer = FilterChain([("bwdif", "deint=interlaced")])
        return [*self._deinterlacer.push(frame), *self._deinterlacer.flush()][-1]


def scaled_size(video_width: int, video_height: int, width: int) -> tuple[int, int]:
    """Even width and height (px) of a preview `width` wide; videos are not enlarged."""
    wide = max(2, min(width, video_width) & ~1)
    return wide, max(2, round(video_height * wide / video_width / 2) * 2)
