"""The scaling of a video: decoded frames deinterlaced, scaled, turned, cropped and padded."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.rational import AVRational

from reelyard.actors.media.codec.frame_conversion import (
    Filter,
    FilterChain,
    Normalizer,
    cutter,
    turn_filters,
)
from reelyard.actors.media.codec.geometry import Layout, fit_size
from reelyard.actors.media.codec.source import check_output_pixels
from reelyard.actors.media.operation import Limits
from reelyard.actors.media.transcode.clip import Clip
from reelyard.actors.media.transcode.settings import VideoSettings
from reelyard.actors.media.transcode.timeline import Retimer
from reelyard.cluster.errors import LimitExceeded

MAX_SIDE = 16_384
"""The longest side in px that all encoders take."""


def plan_layout(
    name: str,
    size: tuple[int, int],
    video: VideoSettings,
    limits: Limits,
    canvas: tuple[int, int] | None,
) -> Layout:
    """Where frames of `size` (px, upright) of the input called `name` go; `canvas`: a size that
    they must come out at, by the fit that is wanted, with bars where that leaves room. Raises
    `LimitExceeded` if that takes too large frames."""
    width, height = size
    if canvas is None:
        layout = fit_size(
            width,
            height,
            video.width,
            video.height,
            video.fit,
            position=video.position,
            pad=video.background is not None,
        )
    else:
        layout = fit_size(width, height, *canvas, video.fit, position=video.position, pad=True)
    for w, h in ((layout.scale_w, layout.scale_h), (layout.width, layout.height)):
        if max(w, h) > MAX_SIDE:
            raise LimitExceeded(
                f"{name!r} would become {w} x {h} pixels; no side may exceed {MAX_SIDE}",
                details={"limit": "max_side", "value": max(w, h), "allowed": MAX_SIDE},
            )
        check_output_pixels(w, h, limits, name)
    return layout


_DEINTERLACE = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")


class ClipScaler:
    """Deinterlaces, scales, turns and crops the frames of one input, and tells their times.

    `canvas`: the size (px) of the output; None: as this input's first frame makes it. `space`
    (H.273): that of the output. Where the frames change their size on the way, each size gets a
    layout of its own.
    """

    def __init__(
        self,
        clip: Clip,
        video: VideoSettings,
        canvas: tuple[int, int] | None,
        space: int | None,
        limits: Limits,
        threads: int,
    ) -> None:
        self.clip = clip
        self._video = video
        self._canvas = canvas
        self._space = space
        self._limits = limits
        self._threads = threads
        self._cutter = cutter(clip.part)
        self._fields: FilterChain | None = None
        self._base: AVRational | None = None
        self._retimer: Retimer | None = None
        self._size: tuple[int, int] | None = None
        self._normalizer: Normalizer
        self._finish: FilterChain

    def progressive(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Whole frames out of `frame`; None: those that are still held back."""
        if frame is None:
            return iter(()) if self._fields is None else self._fields.flush()
        if self._cutter is not None and (frame.width, frame.height) == self.clip.coded_size:
            frame = next(self._cutter.push(frame))
        if self._fields is None and frame.interlaced_frame:
            self._fields = FilterChain([_DEINTERLACE], self._threads)
        return iter((frame,)) if self._fields is None else self._fields.push(frame)

    def scale(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame as the output shows it."""
        if (frame.width, frame.height) != self._size:
            self._fit(frame)
        finished = next(self._finish.push(self._normalizer.convert(frame)))
        finished.pict_type = 0
        return finished

    def _fit(self, frame: av.VideoFrame) -> None:
        """Get ready for frames of the size of this one."""
        clip, video = self.clip, self._video
        self._size = frame.width, frame.height
        size = clip.shown_size(*self._size)
        canvas = self._canvas
        if canvas is None and size != clip.upright_size:
            first = plan_layout(clip.name, clip.upright_size, video, self._limits, None)
            canvas = first.width, first.height
        layout = plan_layout(clip.name, size, video, self._limits, canvas)
        scaled = (layout.scale_w, layout.scale_h)
        if clip.turn.swaps:
            scaled = scaled[1], scaled[0]
        self._normalizer = Normalizer(
            *scaled, behind=video.background or clip.behind, space=self._space
        )
        self._finish = FilterChain(
            [*turn_filters(clip.turn), *_frame_filters(layout, video.background)]
        )

    def begin(self, frame: av.VideoFrame, unit: Fraction) -> int:
        """When `frame` begins in the output, in units of `unit` s (always the same)."""
        assert frame.pts is not None
        # The deinterlacer counts in other units than the decoder.
        if self._retimer is None or frame.time_base != self._base:
            base = self._base = frame.time_base
            seconds_each = Fraction(base.numerator, base.denominator)
            self._retimer = Retimer(seconds_each, self.clip.shift, unit)
        return max(0, self._retimer(frame.pts))


def _frame_filters(layout: Layout, background: str | None) -> list[Filter]:
    filters: list[Filter] = []
    if layout.crops:
        crop = layout.crop
        filters.append(("crop", f"{crop.width}:{crop.height}:{crop.x}:{crop.y}:exact=1"))
    if layout.pads:
        colour = (background or "#000000").replace("#", "0x")
        filters.append(
            ("pad", f"{layout.width}:{layout.height}:{layout.pad_x}:{layout.pad_y}:{colour}")
        )
    return filters
