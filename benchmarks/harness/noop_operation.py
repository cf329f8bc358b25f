"""An operation that does nothing: what is left is the cost of the engine."""

from __future__ import annotations

from reelyard.actors.media.catalogue import operation
from reelyard.actors.media.operation import Params, Result, Work


class NoopParams(Params):
    """Do nothing."""


@operation("noop", params=NoopParams, lane="light", kind="data", inputs=(0, 0))
def noop(work: Work[NoopParams]) -> Result:
    """Nothing."""
    work.progress("encode", fraction=1.0)
    return Result()
