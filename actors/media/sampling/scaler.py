"""Frames of an open video made upright, small and SDR."""

from __future__ import annotations

import av

from reelyard.actors.media.codec.frame_conversion import FilterChain, Normalizer, cutter
from reelyard.actors.media.codec.geometry import Fit, Layout, fit_size
from reelyard.actors.media.frames import Frame, flip, pad, rotate, to_av_frame, view
from reelyard.actors.media.sampling.video import OpenVideo


class UprightScaler:
    """Makes upright SDR frames of `width` x `height` px (even) of a video's frames: yuv420p,
    BT.709 or as the video says. Frames of another shape than the video's come to lie on black."""

    def __init__(self, video: OpenVideo, width: int, height: int, threads: int = 1) -> None:
        self._video = video
        self._canvas = width, height
        self._threads = threads
        self._cutter = cutter(video.part)
        self._deinterlacer: FilterChain | None = None
        self._size: tuple[int, int] | None = None
        self._layout: Layout
        self._normalizer: Normalizer

    def upright(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The result as a frame of PyAV's, with colour tags and time stamp."""
        scaled = self._scaled(frame)
        return scaled if self._is_plain else to_av_frame(self._turned(scaled), scaled)

    def scale(self, frame: av.VideoFrame) -> tuple[Frame, av.VideoFrame]:
        """The result, and a frame of PyAV's that carries its colour tags and time stamp."""
        scaled = self._scaled(frame)
        return view(scaled) if self._is_plain else self._turned(scaled), scaled

    def _scaled(self, frame: av.VideoFrame) -> av.VideoFrame:
        size = frame.width, frame.height
        if self._cutter is not None and size == self._video.coded_size:
            frame = next(self._cutter.push(frame))
        if frame.interlaced_frame:
            frame = self._progressive(frame)
        if size != self._size:
            self._fit(size)
        return self._normalizer.convert(frame)

    @property
    def _is_plain(self) -> bool:
        return self._video.turn.is_identity and not self._layout.pads

    def _turned(self, scaled: av.VideoFrame) -> Frame:
        upright, turn = view(scaled), self._video.turn
        if turn.mirror:
            upright = flip(upright, "horizontal")
        upright = rotate(upright, -90 * turn.turns)
        if self._layout.pads:
            upright = pad(upright, *self._canvas, self._layout.pad_x, self._layout.pad_y)
        return upright

    def _fit(self, size: tuple[int, int]) -> None:
        """Get ready for frames of that coded size."""
        shown = self._video.shown_size(*size)
        usual = shown in (self._canvas, (self._video.width, self._video.height))
        fit: Fit = "fill" if usual else "contain"
        self._size = size
        self._layout = fit_size(*shown, *self._canvas, fit, pad=True, even=not usual)
        inner = self._layout.scale_w, self._layout.scale_h
        coded = inner[::-1] if self._video.turn.swaps else inner
        self._normalizer = Normalizer(*coded, behind=self._video.behind, threads=self._threads)

    def _progressive(self, frame: av.VideoFrame) -> av.VideoFrame:
        if self._deinterlacer is None:
            self._deinterlacer = FilterChain([("bwdif", "deint=interlaced")])
        return [*self._deinterlacer.push(frame), *self._deinterlacer.flush()][-1]


def scaled_size(video_width: int, video_height: int, width: int) -> tuple[int, int]:
    """Even width and height (px) of a preview `width` wide; videos are not enlarged."""
    wide = max(2, min(width, video_width) & ~1)
    return wide, max(2, round(video_height * wide / video_width / 2) * 2)
