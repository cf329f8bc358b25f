"""HDR frames as standard-range ones, through a table of colours.

swscale can map HDR too, but computes a table for each of its scalers, for 3 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import av
import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from numpy.typing import NDArray

from reelyard.actors.media.codec.colour.tonecurve import sdr_cube

# A table of 36 x 36 x 36 colours, written as a square of 216 x 216: FFmpeg's "Hald CLUT".
_LEVEL = 6
_STEPS, _SIDE = _LEVEL**2, _LEVEL**3
# Not a float format: FFmpeg's vector code crashes when the bytes behind a row are no numbers.
_FORMAT, _TOP = "gbrp16le", 65_535
_GBR = (1, 2, 0)
"""Which of red, green and blue a plane holds."""
# Of H.273; PyAV has no names for them.
_SPACE_RGB, _SPACE_UNKNOWN = 0, 2
_CLOCK = Fraction(1, 1000)
_HDR_TRANSFERS = frozenset({int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67)})


def is_hdr(transfer: int) -> bool:
    """Whether a transfer characteristic (H.273) is PQ or HLG."""
    return int(transfer) in _HDR_TRANSFERS


class ToneMapper:
    """Scales PQ and HLG frames to `width` x `height` px and maps them to BT.709, gbrp16le.

    It scales first: the table then has less to do. `tonecurve` tells the formulas.
    """

    def __init__(
        self, width: int, height: int, interpolation: Interpolation, threads: int = 1
    ) -> None:
        self._size = width, height
        self._interpolation = interpolation
        self._threads = threads
        self._scaler = VideoReformatter()
        self._table: _Table | None = None
        self._key: tuple[int, int] | None = None

    def convert(self, frame: av.VideoFrame) -> av.VideoFrame:
        """A standard-range frame; pts and time base are those of `frame`."""
        key = int(frame.color_trc), int(frame.color_primaries)
        if self._table is None or key != self._key:
            self._table, self._key = _Table(*self._size, _colours(*key), self._threads), key
        unknown = int(frame.colorspace) == _SPACE_UNKNOWN
        scaled = self._scaler.reformat(
            frame,
            *self._size,
            _FORMAT,
            src_colorspace=Colorspace.BT2020 if unknown else None,
            dst_color_range=ColorRange.JPEG,
            interpolation=self._interpolation,
            threads=self._threads,
        )
        mapped = self._table.look_up(scaled)
        mapped.pts = frame.pts
        if frame.time_base:
            mapped.time_base = frame.time_base
        mapped.colorspace, mapped.color_range = _SPACE_RGB, ColorRange.JPEG
        mapped.color_trc, mapped.color_primaries = ColorTrc.BT709, ColorPrimaries.BT709
        return mapped


class _Table:
    """The filter `haldclut` with its table (a frame) loaded."""

    def __init__(self, width: int, height: int, colours: av.VideoFrame, threads: int = 1) -> None:
        self._graph = Graph()
        self._graph.threads = threads
        self._source = self._buffer(width, height)
        table = self._buffer(_SIDE, _SIDE)
        apply = self._graph.add("haldclut", "clut=first")
        self._sink = self._graph.add("buffersink")
        self._source.link_to(apply, 0, 0)
        table.link_to(apply, 0, 1)
        apply.link_to(self._sink)
        self._graph.configure()
        table.push(colours)
        table.push(None)
        self._count = 0

    def _buffer(self, width: int, height: int) -> FilterContext:
        return self._graph.add(
            "buffer",
            f"video_size={width}x{height}:pix_fmt={_FORMAT}:time_base=1/1000:pixel_aspect=1/1"
            f":colorspace={_SPACE_RGB}:range={int(ColorRange.JPEG)}",
        )

    def look_up(self, frame: av.VideoFrame) -> av.VideoFrame:
        # The filter matches its inputs by time; frames may have none.
        frame.pts, frame.time_base = self._count, _CLOCK
        self._count += 1
        self._source.push(frame)
        mapped = self._sink.pull()
        assert isinstance(mapped, av.VideoFrame)
        return mapped


def _colours(transfer: int, primaries: int) -> av.VideoFrame:
    cube = sdr_cube(transfer, primaries, _STEPS)
    return _frame(cube.reshape(_SIDE, _SIDE, 3), _table_order())


def _frame(rgb: NDArray[np.floating], order: Sequence[int]) -> av.VideoFrame:
    """`rgb`: (height, width, 3), 0 to 1; `order`: the component that each plane gets."""
    height, width, _ = rgb.shape
    frame = av.VideoFrame(width, height, _FORMAT)
    for plane, component in zip(frame.planes, order, strict=True):
        rows = np.frombuffer(plane, np.uint16).reshape(height, -1)
        rows[:, :width] = np.rint(rgb[..., component] * _TOP)
    frame.pts, frame.time_base = 0, _CLOCK
    return frame


@cache
def _table_order() -> tuple[int, ...]:
    """Which component each plane of a table must hold.

    FFmpeg 9 takes the planes of tables for red, green and blue though they are green, blue and
    red; a table that changes nothing tells whether it still does.
    """
    level = np.linspace(0, 1, _STEPS)
    blue, green, red = np.meshgrid(level, level, level, indexing="ij")
    same = np.stack([red, green, blue], axis=-1).reshape(_SIDE, _SIDE, 3)
    colour = np.array([0.2, 0.5, 0.8])
    shown = _Table(16, 16, _frame(same, _GBR)).look_up(_frame(np.full((16, 16, 3), colour), _GBR))
    order = [0, 0, 0]
    for plane, component in zip(shown.planes, _GBR, strict=True):
        value = np.frombuffer(plane, np.uint16)[0] / _TOP
        order[_GBR.index(int(np.abs(colour - value).argmin()))] = component
    return tuple(order)
