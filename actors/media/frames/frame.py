"""A frame as NumPy planes: the value that all frame operations work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reelyard.actors.media.frames.colour import BLACK, Colour

Plane = NDArray[np.uint8]
PlaneLayout = Literal["gray", "yuv420p", "yuva420p"]

_LAYOUTS: dict[int, PlaneLayout] = {1: "gray", 3: "yuv420p", 4: "yuva420p"}


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame or still image as planes, each uint8 and 2-D.


    | layout | planes | shapes for a frame of `width` x `height` |
    |---|---|---|
    | gray | Y | (height, width) |
    | yuv420p | Y, Cb, Cr | (height, width), twice (ceil(height / 2), ceil(width / 2)) |
    | yuva420p | Y, Cb, Cr, A | as yuv420p, A as Y; alpha is straight, 255 opaque |

    Planes may be views (of a decoder's frame, of another frame), strided or read-only. Raises
    `ValueError` when shapes or dtypes do not fit together.
    """

    planes: tuple[Plane, ...]

    def __post_init__(self) -> None:
        if len(self.planes) not in _LAYOUTS:
            raise ValueError(f"a frame has 1, 3 or 4 planes, not {len(self.planes)}")
        if self.planes[0].ndim != 2:
            raise ValueError(f"planes are 2-D, not {self.planes[0].ndim}-D")
        for index, plane in enumerate(self.planes):
            if plane.dtype != np.uint8:
                raise ValueError(f"plane {index} must be uint8, not {plane.dtype}")
            shape = self._shape(index)
            if plane.shape != shape or 0 in shape:
                raise ValueError(f"plane {index} must have shape {shape}, not {plane.shape}")

    def _shape(self, index: int) -> tuple[int, int]:
        step = self.step(index)
        return -(-self.height // step), -(-self.width // step)

    @property
    def width(self) -> int:
        """Columns of the luma plane, px."""
        return int(self.planes[0].shape[1])

    @property
    def height(self) -> int:
        """Rows of the luma plane, px."""
        return int(self.planes[0].shape[0])

    @property
    def layout(self) -> PlaneLayout:
        """The name of the plane arrangement, equal to FFmpeg's pixel format."""
        return _LAYOUTS[len(self.planes)]

    @property
    def grain(self) -> int:
        """What positions are rounded down to a multiple of: 2 with chroma planes, else 1."""
        return 1 if len(self.planes) == 1 else 2

    @staticmethod
    def step(index: int) -> int:
        """Luma samples per sample of plane `index`, in each direction: 2 for Cb and Cr, else 1."""
        return 2 if index in (1, 2) else 1

    def parts(self) -> Iterator[tuple[Plane, int]]:
        """Each plane with its `step`."""
        for index, plane in enumerate(self.planes):
            yield plane, self.step(index)

    def map(self, change: Callable[[Plane, int], Plane]) -> Frame:
        """The frame of `change(plane, step)` for each plane."""
        return Frame(tuple(change(plane, step) for plane, step in self.parts()))

    def copy(self) -> Frame:
        """A frame with memory of its own: contiguous, writable planes."""
        return self.map(lambda plane, _: np.array(plane, order="C"))


def blank(
    width: int, height: int, colour: Colour = BLACK, layout: PlaneLayout = "yuv420p"
) -> Frame:
    """A frame of one colour. Raises `ValueError` for an empty size."""
    count = next(count for count, name in _LAYOUTS.items() if name == layout)
    planes = []
    for index in range(count):
        step = Frame.step(index)
        shape = (-(-height // step), -(-width // step))
        planes.append(np.full(shape, colour[index], dtype=np.uint8))
    return Frame(tuple(planes))
