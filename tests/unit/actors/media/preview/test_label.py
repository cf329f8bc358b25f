"""Labels with the time."""

from __future__ import annotations

import numpy as np

from reelyard.actors.media.frames import BLACK
from reelyard.actors.media.preview.label import label


def test_labels_are_as_high_as_asked_and_mostly_dark() -> None:
    frame = label("1:23:45", 24)
    assert (frame.layout, frame.height) == ("yuva420p", 24)
    assert frame.width > 48
    assert frame.planes[0].max() > 220
    assert np.median(frame.planes[0]) == BLACK.y
    assert frame.planes[3].min() == 140
