"""Blending of frames: overlay with alpha, fade to a colour, cross-fade."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reelyard.actors.media.frames.colour import BLACK, Colour
from reelyard.actors.media.frames.frame import Frame, Plane, blank
from reelyard.actors.media.frames.geometry import crop

_Weight = NDArray[np.uint16] | int


def overlay(base: Frame, top: Frame, x: int, y: int, *, opacity: float = 1.0) -> None:
    """Blend `top` over `base` at (x, y), in place: base' = base + alpha (top - base).

    alpha is `opacity` (0 to 1) times the alpha plane of `top`, if it has one; for chroma, the mean
    of the alphas of its (up to four) luma samples. What lies outside `base` is cut off; x and y may
    be negative and are rounded down to even numbers where there is chroma. `base` is opaque (gray
    or yuv420p) and has the colour planes of `top`, otherwise `ValueError`. Its planes must be
    writable.
    """
    if base.layout == "yuva420p" or (base.layout == "gray") != (top.layout == "gray"):
        raise ValueError(f"{top.layout} can't be laid over {base.layout}")
    _check_unit("opacity", opacity)
    x, y = x - x % base.grain, y - y % base.grain
    left, upper = max(0, x), max(0, y)
    width = min(base.width, x + top.width) - left
    height = min(base.height, y + top.height) - upper
    if width < 1 or height < 1 or opacity == 0:
        return
    target = crop(base, left, upper, width, height)
    top = crop(top, left - x, upper - y, width, height)
    level = round(opacity * 255)
    weights: tuple[_Weight, _Weight] = (level, level)
    if top.layout == "yuva420p":
        alpha = _by_255(top.planes[3].astype(np.uint16) * np.uint16(level))
        weights = (alpha, _halved(alpha))
    for (plane, step), colour in zip(target.parts(), top.planes, strict=False):
        plane[:] = _mix(plane, colour, weights[step - 1])


def fade(frame: Frame, visible: float, colour: Colour = BLACK) -> Frame:
    """The frame faded to `colour`: all of it at `visible` 1, only the colour at 0. A new frame.

    An alpha plane is kept. Raises `ValueError` for a `visible` outside 0 to 1.
    """
    plain = blank(frame.width, frame.height, colour, frame.layout)
    faded = cross_fade(plain, frame, visible)
    return Frame((*faded.planes[:3], *frame.planes[3:]))


def cross_fade(first: Frame, second: Frame, level: float) -> Frame:
    """`first` at level 0, `second` at level 1, their weighted mean in between. A new frame.

    Raises `ValueError` when layouts or sizes differ, or for a level outside 0 to 1.
    """
    _check_unit("level", level)
    if (first.layout, first.planes[0].shape) != (second.layout, second.planes[0].shape):
        raise ValueError("a cross-fade needs two frames of the same size and layout")
    weight = round(level * 255)
    return Frame(
        tuple(_mix(a, b, weight) for a, b in zip(first.planes, second.planes, strict=True))
    )


def fade_level(
    time_s: float, start_s: float, duration_s: float, direction: Literal["in", "out"]
) -> float:
    """How visible a frame is at `time_s`, in a linear fade: 0 to 1 for `in`, 1 to 0 for `out`.

    Before `start_s` and after `start_s + duration_s` it stays where it began and ended.
    """
    done = float(time_s >= start_s) if duration_s <= 0 else (time_s - start_s) / duration_s
    done = min(1.0, max(0.0, done))
    return done if direction == "in" else 1.0 - done


def _mix(base: Plane, top: Plane, weight: _Weight) -> Plane:
    if isinstance(weight, int):
        weight = np.asarray(weight, dtype=np.uint16)
    mixed = top.astype(np.uint16)
    mixed *= weight
    mixed += base * (np.uint16(255) - weight)
    return _by_255(mixed).astype(np.uint8)


def _by_255(product: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """round(product / 255), exact for 0 to 65,025 (J. Blinn, Three Wrongs Make a Right, 1995)."""
    product = product + np.uint16(128)
    product += product >> np.uint16(8)
    product >>= np.uint16(8)
    return product


def _halved(alpha: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Means of 2 x 2 blocks; a last odd row or column counts for its missing neighbour."""
    rows, columns = alpha.shape
    padded = np.pad(alpha, ((0, rows % 2), (0, columns % 2)), mode="edge")
    total = padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]
    return (total + np.uint16(2)) >> np.uint16(2)


def _check_unit(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie between 0 and 1, not {value}")
