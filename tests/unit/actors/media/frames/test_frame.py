"""The frame value: which planes make one."""

from __future__ import annotations

import numpy as np
import pytest

from reelyard.actors.media.frames import BLACK, Colour, Frame, Plane, blank


@pytest.mark.parametrize(
    "planes",
    [
        (),
        (np.zeros((2, 2), np.uint8),) * 2,
        (np.zeros((2, 2), np.uint16),),
        (np.zeros((2, 2, 3), np.uint8),),
        (np.zeros((0, 2), np.uint8),),
        (np.zeros((4, 4), np.uint8), np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8)),
    ],
)
def test_planes_that_make_no_frame_are_refused(planes: tuple[Plane, ...]) -> None:
    with pytest.raises(ValueError, match="plane"):
        Frame(planes)


def test_a_blank_frame_has_its_colour_in_every_plane() -> None:
    frame = blank(3, 5, Colour(1, 2, 3, 4), "yuva420p")
    assert [plane.shape for plane in frame.planes] == [(5, 3), (3, 2), (3, 2), (5, 3)]
    assert [np.unique(plane).tolist() for plane in frame.planes] == [[1], [2], [3], [4]]
    assert blank(1, 1).planes[0].item() == BLACK.y
