"""The place of a frame in an output: sizes, fits and orientations. Pure arithmetic.

A frame is first scaled as a whole, then cropped, then laid onto a canvas. All lengths are whole
pixels of the upright frame.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Fit = Literal["contain", "cover", "fill"]
Position = Literal[
    "center",
    "top",
    "bottom",
    "left",
    "right",
    "top_left",
    "top_right",
    "bottom_left",
    "bottom_right",
]
Length = int | str
"""Pixels, or a share of the source such as "50%"."""

_PERCENT = re.compile(r"^\s*(\d{1,4}(?:\.\d{1,4})?)\s*%\s*$")


@dataclass(frozen=True)
class Rect:
    """`width` x `height` px, its top left corner at (`x`, `y`)."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Layout:
    """Scale to `scale_w` x `scale_h`, keep `crop` of that, lay it at (`pad_x`, `pad_y`) on a
    canvas of `width` x `height`."""

    scale_w: int
    scale_h: int
    crop: Rect
    pad_x: int
    pad_y: int
    width: int
    height: int

    @property
    def crops(self) -> bool:
        """Whether anything is cut off after scaling."""
        return (self.crop.width, self.crop.height) != (self.scale_w, self.scale_h)

    @property
    def pads(self) -> bool:
        """Whether the canvas is larger than the frame on it."""
        return (self.crop.width, self.crop.height) != (self.width, self.height)


def parse_length(value: Length) -> int | Fraction:
    """Pixels as an int, or "50%" as the Fraction 1/2. Raises `ValueError`."""
    if isinstance(value, int):
        if value < 1:
            raise ValueError(f"a length must be at least 1 pixel, not {value}")
        return value
    if match := _PERCENT.match(value):
        share = Fraction(match[1]) / 100
        if not 0 < share <= 10:
            raise ValueError(f"a share must lie above 0% and at most at 1000%, not {value!r}")
        return share
    if value.strip().isdecimal() and len(value.strip()) <= 6:
        return parse_length(int(value))
    raise ValueError(f"a length is a number of pixels or a share such as '50%', not {value!r}")


def fit_size(
    src_w: int,
    src_h: int,
    width: Length | None = None,
    height: Length | None = None,
    fit: Fit = "contain",
    *,
    position: Position = "center",
    pad: bool = False,
    even: bool = True,
) -> Layout:
    """How a source of `src_w` x `src_h` px (upright, square pixels) fills `width` x `height`.

    One length missing: it follows from the aspect ratio. Both missing: the size stays.
    "contain" keeps the whole frame inside the box (`pad`: on a canvas of the box's size),
    "cover" fills the box and cuts the rest at `position`, "fill" stretches. `even` makes all
    lengths even, as 4:2:0 chroma needs: a source that keeps its size then loses its last odd row
    or column. Raises `ValueError` for lengths that make no sense.
    """
    if src_w < 1 or src_h < 1:
        raise ValueError(f"a frame has at least one pixel, not {src_w} x {src_h}")
    if width is None and height is None:
        out_w, out_h = (_floor_even(src_w), _floor_even(src_h)) if even else (src_w, src_h)
        if out_w > src_w or out_h > src_h:
            return _plain(out_w, out_h)
        return Layout(src_w, src_h, Rect(0, 0, out_w, out_h), 0, 0, out_w, out_h)
    wish_w, wish_h = _box(src_w, src_h, width, height)
    box_w, box_h = _whole(wish_w, even=even), _whole(wish_h, even=even)
    if fit == "fill" or width is None or height is None:
        return _plain(box_w, box_h)
    by_width, by_height = Fraction(box_w, src_w), Fraction(box_h, src_h)
    if fit == "contain":
        scale = min(by_width, by_height)
        scale_w = min(box_w, _whole(src_w * scale, even=even))
        scale_h = min(box_h, _whole(src_h * scale, even=even))
        if not pad:
            return _plain(scale_w, scale_h)
        x, y = _place(position, box_w - scale_w, box_h - scale_h, even=even)
        return Layout(scale_w, scale_h, Rect(0, 0, scale_w, scale_h), x, y, box_w, box_h)
    scale = max(by_width, by_height)
    scale_w = max(box_w, _whole(src_w * scale, even=even))
    scale_h = max(box_h, _whole(src_h * scale, even=even))
    x, y = _place(position, scale_w - box_w, scale_h - box_h, even=even)
    return Layout(scale_w, scale_h, Rect(x, y, box_w, box_h), 0, 0, box_w, box_h)


def _plain(width: int, height: int) -> Layout:
    return Layout(width, height, Rect(0, 0, width, height), 0, 0, width, height)


def _box(
    src_w: int, src_h: int, width: Length | None, height: Length | None
) -> tuple[Fraction, Fraction]:
    box_w = None if width is None else _resolve(width, src_w)
    box_h = None if height is None else _resolve(height, src_h)
    if box_w is None:
        assert box_h is not None
        return box_h * src_w / src_h, box_h
    return box_w, box_w * src_h / src_w if box_h is None else box_h


def _resolve(value: Length, source: int) -> Fraction:
    length = parse_length(value)
    return Fraction(length) if isinstance(length, int) else length * source


def _whole(value: Fraction, *, even: bool) -> int:
    return max(2, round(value / 2) * 2) if even else max(1, round(value))


def _floor_even(value: int) -> int:
    return max(2, value & ~1)


def _place(position: Position, free_w: int, free_h: int, *, even: bool) -> tuple[int, int]:
    x = 0 if "left" in position else free_w if "right" in position else free_w // 2
    y = 0 if "top" in position else free_h if "bottom" in position else free_h // 2
    return (x & ~1, y & ~1) if even else (x, y)


def parse_position(text: str) -> Position:
    """ "Top-Left", "top left" and "left top" are `top_left`. Raises `ValueError`."""
    words = set(re.split(r"[\s_-]+", text.strip().lower())) - {"center", "centre", "middle", ""}
    for name in ("top_left", "top_right", "bottom_left", "bottom_right"):
        if words == set(name.split("_")):
            return name
    for single in ("top", "bottom", "left", "right"):
        if words == {single}:
            return single
    if not words:
        return "center"
    raise ValueError(f"a position is center, top, top_left … bottom_right, not {text!r}")


@dataclass(frozen=True)
class Orientation:
    """How a coded frame is turned for display: mirrored left to right first (`mirror`), then
    turned counter-clockwise by `turns` quarters."""

    turns: int = 0
    mirror: bool = False

    @property
    def swaps(self) -> bool:
        """Whether width and height change places."""
        return self.turns % 2 == 1

    @property
    def is_identity(self) -> bool:
        """Whether nothing is to be done."""
        return not self.turns and not self.mirror


def upright_size(
    width: int, height: int, pixel_aspect: Fraction, turn: Orientation
) -> tuple[int, int]:
    """Width and height (px) as shown, with square pixels, of a frame coded as `width` x `height`
    of pixels of the shape `pixel_aspect`."""
    wide = max(1, round(width * pixel_aspect))
    return (height, wide) if turn.swaps else (wide, height)


def orientation_of(matrix: bytes) -> Orientation:
    """What a display matrix asks for (9 native int32, as FFmpeg's AV_PKT_DATA_DISPLAYMATRIX).

    The matrix maps (x, y) to (a x + c y, b x + d y), y pointing down; of its angle only the
    nearest quarter turn counts. Broken matrices mean no turn.
    """
    if len(matrix) != 36:
        return Orientation()
    a, b, _, c, d = struct.unpack("=5i", matrix[:20])
    # A quarter turn counter-clockwise on a y-down screen: (1, 0) -> (0, -1), (0, 1) -> (1, 0).
    mirror = a * d - b * c < 0
    if mirror:
        a, b = -a, -b
    if abs(a) >= abs(b):
        return Orientation(0 if a >= 0 else 2, mirror)
    return Orientation(1 if b < 0 else 3, mirror)


def part_of(cropping: bytes, width: int, height: int) -> Rect | None:
    """The part of a coded frame of `width` x `height` px that a container lets be shown; None: all
    of it. `cropping`: what is cut off above, below, left and right (FFmpeg's
    AV_PKT_DATA_FRAME_CROPPING, little-endian)."""
    if len(cropping) < 16:
        return None
    top, bottom, left, right = struct.unpack("<4I", cropping[:16])
    kept_w, kept_h = width - left - right, height - top - bottom
    if kept_w < 1 or kept_h < 1 or (kept_w, kept_h) == (width, height):
        return None
    return Rect(left, top, kept_w, kept_h)


def rotation_of(degrees: int) -> Orientation:
    """The orientation of a counter-clockwise rotation, to the nearest quarter."""
    return Orientation(round(degrees / 90) % 4)
