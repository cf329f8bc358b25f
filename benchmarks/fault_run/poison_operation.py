"""An operation that kills the process that it runs in: a poison job."""

from __future__ import annotations

import os
import signal

from reelyard import Params, Result, Work, operation


class PoisonParams(Params):
    """Kill the process."""


@operation("poison", params=PoisonParams, lane="cpu", kind="data", inputs=(0, 0))
def poison(work: Work[PoisonParams]) -> Result:  # noqa: ARG001  an operation takes its work
    """End without a word."""
    os.kill(os.getpid(), signal.SIGKILL)
    return Result()
