"""The scaling of a video: decoded frames deinterlaced, scaled, turned, cropped and padded."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.rational import AVRational

from actors.media.codec.frame_conversion import Filter, FilterChain, Normalizer, turn_filters
from actors.media.codec.geometry import Layout, fit_size
from actors.media.codec.source import check_output_pixels
from actors.media.operation import Limits
from actors.media.transcode.clip import Clip
from actors.media.transcode.settings import VideoSettings
from actors.media.transcode.timeline import Retimer
from cluster.errors import LimitExceeded

MAX_SIDE = 16_384
"""The longest side in px that all encoders take."""


def plan_layout(
    clip: Clip, video: VideoSettings, limits: Limits, canvas: tuple[int, int] | None
) -> Layout:
    """Where the frames of `clip` go; `canvas`: a size (px) that they must come out at, with bars
    where their shape differs. Raises `LimitExceeded` if that takes too large frames."""
    width, height = clip.upright_size
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
        layout = fit_size(width, height, canvas[0], canvas[1], "contain", pad=True)
    for w, h in ((layout.scale_w, layout.scale_h), (layout.width, layout.height)):
        if max(w, h) > MAX_SIDE:
            raise LimitExceeded(
                f"{clip.name!r} would become {w} x {h} pixels; no side may exceed {MAX_SIDE}",
                details={"limit": "max_side", "value": max(w, h), "allowed": MAX_SIDE},
            )
        check_output_pixels(w, h, limits, clip.name)
    return layout


_DEINTERLACE = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")


class ClipScaler:
    """Deinterlaces, scales, turns and crops the frames of one input, and tells their times;
    `space` (H.273): that of the output."""

    def __init__(
        self, clip: Clip, layout: Layout, background: str | None, space: int | None, threads: int
    ) -> None:
        self.clip = clip
        self._threads = threads
        self._fields: FilterChain | None = None
        turn = clip.turn
        scaled = (layout.scale_w, layout.scale_h)
        if turn.swaps:
            scaled = scaled[1], scaled[0]
        self._normalizer = Normalizer(*scaled, behind=background or clip.behind, space=space)
        self._finish = FilterChain([*turn_filters(turn), *_frame_filters(layout, background)])
        self._base: AVRational | None = None
        self._retimer: Retimer | None = None

    def progressive(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Whole frames out of `frame`; None: those that are still held back."""
        if frame is None:
            return iter(()) if self._fields is None else self._fields.flush()
        if self._fields is None and frame.interlaced_frame:
            self._fields = FilterChain([_DEINTERLACE], self._threads)
        return iter((frame,)) if self._fields is None else self._fields.push(frame)

    def scale(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame as the output shows it."""
        finished = next(self._finish.push(self._normalizer.convert(frame)))
        finished.pict_type = 0
        return finished

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
