"""Geometry of frames: crop, pad, rotate, flip. Positions and sizes are in luma samples (px)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from reelyard.actors.media.frames.colour import BLACK, Colour
from reelyard.actors.media.frames.frame import Frame, Plane, blank


def crop(frame: Frame, x: int, y: int, width: int, height: int) -> Frame:
    """The rectangle at (x, y); its planes are views, nothing is copied.

    With chroma planes x and y are rounded down to even numbers. Raises `ValueError` when the
    rectangle is empty or does not lie inside.
    """
    x, y = _snap(frame, x), _snap(frame, y)
    _check_inside(frame.width, frame.height, x, y, width, height)
    return frame.map(lambda plane, step: plane[_area(x, y, width, height, step)])


def pad(frame: Frame, width: int, height: int, x: int, y: int, colour: Colour = BLACK) -> Frame:
    """A new frame of `width` x `height` in `colour`, with `frame` at (x, y).

    With chroma planes x and y are rounded down to even numbers. An odd edge of the inner frame
    shares its last chroma samples with the border. Raises `ValueError` when it does not fit.
    """
    x, y = _snap(frame, x), _snap(frame, y)
    _check_inside(width, height, x, y, frame.width, frame.height)
    result = blank(width, height, colour, frame.layout)
    paste(result, frame, x, y)
    return result


def paste(base: Frame, top: Frame, x: int, y: int) -> None:
    """Write `top` into `base` at (x, y), in place; it must lie inside and have the same layout."""
    for (target, step), plane in zip(base.parts(), top.planes, strict=True):
        target[_area(x, y, top.width, top.height, step)] = plane


def rotate(frame: Frame, degrees: int) -> Frame:
    """The frame turned clockwise by 0, 90, 180 or 270 degrees (negative: anticlockwise).

    The planes are views. With an odd size a turned chroma plane keeps all its samples, so four
    quarter turns give exactly the same frame back, but its siting is off by half a luma sample.
    Raises `ValueError` for other angles.
    """
    if degrees % 90:
        raise ValueError(f"rotation must be a multiple of 90 degrees, not {degrees}")
    turns = -(degrees // 90)
    return frame.map(lambda plane, _: np.rot90(plane, turns))


def flip(frame: Frame, axis: Literal["horizontal", "vertical"]) -> Frame:
    """Mirrored left to right (`horizontal`) or top to bottom (`vertical`); planes are views."""

    def mirrored(plane: Plane, _: int) -> Plane:
        return plane[:, ::-1] if axis == "horizontal" else plane[::-1]

    return frame.map(mirrored)


def _snap(frame: Frame, position: int) -> int:
    return position - position % frame.grain


def _area(x: int, y: int, width: int, height: int, step: int) -> tuple[slice, slice]:
    rows = slice(y // step, y // step - (-height // step))
    columns = slice(x // step, x // step - (-width // step))
    return rows, columns


def _check_inside(
    outer_width: int, outer_height: int, x: int, y: int, width: int, height: int
) -> None:
    fits = x >= 0 and y >= 0 and x + width <= outer_width and y + height <= outer_height
    if width < 1 or height < 1 or not fits:
        raise ValueError(
            f"{width}x{height} at ({x}, {y}) does not lie inside {outer_width}x{outer_height}"
        )
