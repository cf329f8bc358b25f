"""Hypothesis strategies and checks for frames."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from reelyard.actors.media.frames import Colour, Frame
from reelyard.actors.media.frames.frame import PlaneLayout

LAYOUTS: tuple[PlaneLayout, ...] = ("gray", "yuv420p", "yuva420p")
PLANES = {"gray": 1, "yuv420p": 3, "yuva420p": 4}
samples = st.integers(0, 255)
sizes = st.integers(1, 19)
colours = st.builds(Colour, samples, samples, samples, samples)


@st.composite
def frames(
    draw: st.DrawFn,
    layouts: tuple[PlaneLayout, ...] = LAYOUTS,
    width: st.SearchStrategy[int] = sizes,
    height: st.SearchStrategy[int] = sizes,
) -> Frame:
    layout = draw(st.sampled_from(layouts))
    columns, rows = draw(width), draw(height)
    # One drawn number for all samples: arrays drawn sample by sample take most of the time.
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    planes = []
    for index in range(PLANES[layout]):
        step = Frame.step(index)
        shape = (-(-rows // step), -(-columns // step))
        planes.append(random.integers(0, 256, shape, dtype=np.uint8))
    return Frame(tuple(planes))


def same(first: Frame, second: Frame) -> bool:
    return first.layout == second.layout and all(
        np.array_equal(a, b) for a, b in zip(first.planes, second.planes, strict=True)
    )
