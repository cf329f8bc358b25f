"""Crop, pad, rotate, flip. Positions and sizes are in luma samples (px)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from actors.media.frames.colour import BLACK, Colour
from actors.media.frames.frame import Picture, Plane, blank


def crop(picture: Picture, x: int, y: int, width: int, height: int) -> Picture:
    """The rectangle at (x, y); its planes are views, nothing is copied.

    With chroma planes x and y are rounded down to even numbers. Raises `ValueError` when the
    rectangle is empty or does not lie inside.
    """
    x, y = _snap(picture, x), _snap(picture, y)
    _check_inside(picture.width, picture.height, x, y, width, height)
    return picture.map(lambda plane, step: plane[_area(x, y, width, height, step)])


def pad(
    picture: Picture, width: int, height: int, x: int, y: int, colour: Colour = BLACK
) -> Picture:
    """A new picture of `width` x `height` in `colour`, with `picture` at (x, y).

    With chroma planes x and y are rounded down to even numbers. An odd edge of the inner picture
    shares its last chroma samples with the border. Raises `ValueError` when it does not fit.
    """
    x, y = _snap(picture, x), _snap(picture, y)
    _check_inside(width, height, x, y, picture.width, picture.height)
    result = blank(width, height, colour, picture.layout)
    paste(result, picture, x, y)
    return result


def paste(base: Picture, top: Picture, x: int, y: int) -> None:
    """Write `top` into `base` at (x, y), in place; it must lie inside and have the same layout."""
    for (target, step), plane in zip(base.parts(), top.planes, strict=True):
        target[_area(x, y, top.width, top.height, step)] = plane


def rotate(picture: Picture, degrees: int) -> Picture:
    """The picture turned clockwise by 0, 90, 180 or 270 degrees (negative: anticlockwise).

    The planes are views. With an odd size a turned chroma plane keeps all its samples, so four
    quarter turns give exactly the same picture back, but its siting is off by half a luma sample.
    Raises `ValueError` for other angles.
    """
    if degrees % 90:
        raise ValueError(f"rotation must be a multiple of 90 degrees, not {degrees}")
    turns = -(degrees // 90)
    return picture.map(lambda plane, _: np.rot90(plane, turns))


def flip(picture: Picture, axis: Literal["horizontal", "vertical"]) -> Picture:
    """Mirrored left to right (`horizontal`) or top to bottom (`vertical`); planes are views."""

    def mirrored(plane: Plane, _: int) -> Plane:
        return plane[:, ::-1] if axis == "horizontal" else plane[::-1]

    return picture.map(mirrored)


def _snap(picture: Picture, position: int) -> int:
    return position - position % picture.grain


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
