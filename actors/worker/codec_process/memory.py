"""Memory of a codec process between two tasks."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable

LONG_S = 0.5
"""After a task that took longer, freed memory goes back to the system. After short ones it stays:
the next task would only ask for it again."""


def release(ran_s: float = LONG_S) -> None:
    """Free the rings of objects that the last task (of `ran_s` seconds) has left: frames, filter
    graphs and decoders hang on them. 2 us where there are none.

    What has survived is taken for permanent, so that it is not looked at again and again.
    """
    gc.collect()
    gc.freeze()
    if ran_s >= LONG_S and _trim is not None:
        _trim(0)


def _find_trim() -> Callable[[int], int] | None:
    """glibc's `malloc_trim`, where there is one."""
    if sys.platform != "linux":
        return None
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim


_trim = _find_trim()
