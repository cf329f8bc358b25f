"""The frames of the sample media: drawn on YUV planes, numbered, and readable again."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8] | NDArray[np.uint16]

CORNERS = (225, 170, 115, 60)
"""Luma of the corner blocks: top left, top right, bottom left, bottom right."""
NUMBER_BITS = 16


@dataclass(frozen=True)
class Style:
    """Size in px, shape of the chroma planes, bits of a sample."""

    width: int
    height: int
    chroma_x: int
    chroma_y: int
    depth: int


class Artist:
    """Draws numbered frames; everything that does not change is drawn once."""

    def __init__(self, style: Style) -> None:
        self.style = style
        width, height = style.width, style.height
        self.span = 256
        y, x = np.mgrid[0:height, 0 : width + self.span].astype(np.float32)
        texture = 118 + 40 * np.sin(x / 17) * np.cos(y / 23) + 30 * np.sin((x + y) / 61)
        texture += ((x // 32 + y // 32) % 2) * 14
        grain = np.random.default_rng(7).normal(0, 3, texture.shape)
        self.texture = np.clip(texture + grain, 16, 235).astype(np.uint8)
        rows, columns = -(-height // style.chroma_y), -(-width // style.chroma_x)
        cy, cx = np.mgrid[0:rows, 0 : columns + self.span].astype(np.float32)
        self.u = np.clip(128 + 50 * np.sin(cx / 79 + cy / 131), 16, 240).astype(np.uint8)
        self.v = np.clip(128 + 50 * np.cos(cx / 97 - cy / 71), 16, 240).astype(np.uint8)
        self.columns = columns
        self.radius = max(2, height // 8)
        disc = np.mgrid[-self.radius : self.radius, -self.radius : self.radius] + 0.5
        self.disc = (disc[0] ** 2 + disc[1] ** 2) < self.radius**2

    def draw(self, number: int, *, phase: float = 0.0) -> list[Plane]:
        """Planes Y, U, V of frame `number`; `phase` shifts the motion by a part of a frame."""
        style = self.style
        at = number + phase
        pan = int(at * 3) % self.span
        luma = self.texture[:, pan : pan + style.width].copy()
        chroma_pan = int(at * 3 / style.chroma_x) % self.span
        u = self.u[:, chroma_pan : chroma_pan + self.columns]
        v = self.v[:, chroma_pan : chroma_pan + self.columns]
        self._draw_disc(luma, at)
        self._draw_corners(luma)
        self._draw_number(luma, number)
        if style.depth > 8:
            shift = np.uint16(style.depth - 8)
            return [plane.astype(np.uint16) << shift for plane in (luma, u, v)]
        return [luma, u, v]

    def _draw_disc(self, luma: NDArray[np.uint8], at: float) -> None:
        height, width = luma.shape
        side = 2 * self.radius
        if side >= height or side >= width:
            return
        y = int(abs((at * 5) % (2 * (height - side)) - (height - side)))
        x = int(abs((at * 7) % (2 * (width - side)) - (width - side)))
        luma[y : y + side, x : x + side][self.disc] = 235

    def _draw_corners(self, luma: NDArray[np.uint8]) -> None:
        height, width = luma.shape
        y, x = max(1, height // 10), max(1, width // 10)
        luma[:y, :x], luma[:y, -x:], luma[-y:, :x], luma[-y:, -x:] = CORNERS

    def _draw_number(self, luma: NDArray[np.uint8], number: int) -> None:
        height, width = luma.shape
        cell = width / (NUMBER_BITS + 2)
        top, bottom = int(height * 0.44), max(int(height * 0.56), int(height * 0.44) + 1)
        luma[top:bottom, int(cell * 0.8) : int(cell * (NUMBER_BITS + 1.2))] = 128
        for bit in range(NUMBER_BITS):
            left = int((bit + 1) * cell)
            luma[top:bottom, left : int((bit + 2) * cell)] = 235 if number >> bit & 1 else 16


def read_frame_number(frame: av.VideoFrame) -> int:
    """The number drawn into `frame` (of a sample, upright, in any size and 8-bit planar YUV)."""
    luma = plane_of(frame)
    height, width = luma.shape
    band = luma[int(height * 0.47) : max(int(height * 0.53), int(height * 0.47) + 1)]
    cell = width / (NUMBER_BITS + 2)
    bits = [
        band[:, int((bit + 1.3) * cell) : max(int((bit + 1.7) * cell), int((bit + 1.3) * cell) + 1)]
        for bit in range(NUMBER_BITS)
    ]
    return sum(1 << bit for bit, block in enumerate(bits) if block.mean() > 128)


def read_corners(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Which of `CORNERS` stands top left, top right, bottom left, bottom right, by index."""
    luma = plane_of(frame)
    y, x = (max(1, side // 16) for side in luma.shape)
    blocks = (luma[:y, :x], luma[:y, -x:], luma[-y:, :x], luma[-y:, -x:])
    found = [_nearest_corner(float(block.mean())) for block in blocks]
    return found[0], found[1], found[2], found[3]


def _nearest_corner(luma: float) -> int:
    return min(range(len(CORNERS)), key=lambda index: abs(CORNERS[index] - luma))


def plane_of(frame: av.VideoFrame, index: int = 0) -> NDArray[np.uint8]:
    """A plane of an 8-bit planar frame as an array (height, width) of uint8, without a copy."""
    plane = frame.planes[index]
    rows = np.asarray(memoryview(plane)).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width].view(np.uint8)
