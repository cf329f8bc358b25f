"""The size and length of an output under way."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import pytest

from reelyard.actors.media.operation import Limits
from reelyard.actors.media.transcode.output_limits import OutputLimits
from reelyard.cluster.errors import LimitExceeded


def packet(size: int, pts: int | None) -> av.Packet[Any]:
    made = av.Packet(size)
    made.pts, made.time_base = pts, Fraction(1, 25)
    return made


def test_bytes_add_up_and_the_latest_time_counts() -> None:
    output = OutputLimits(Limits())
    for size, pts in ((10, 0), (20, 50), (5, 25), (1, None)):
        output.count(packet(size, pts))
    assert (output.written, output.reached_s) == (36, 2.0)


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (Limits(max_output_bytes=29), "max_output_bytes"),
        (Limits(max_duration_s=1.9), "max_duration_s"),
    ],
)
def test_more_bytes_or_seconds_than_allowed_are_refused(limits: Limits, limit: str) -> None:
    output = OutputLimits(limits)
    output.count(packet(10, 0))
    with pytest.raises(LimitExceeded) as refused:
        output.count(packet(20, 50))
    assert refused.value.details == {"limit": limit, "allowed": getattr(limits, limit)}
