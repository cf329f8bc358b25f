"""Start-up that is patient and plain: it waits as long as something moves, as no clock tells a slow
start from one that hangs, and what ends it is told in one line."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from reelyard.cluster.errors import ReelyardError, StartFailed


class Patience:
    """Ends a wait for `what` in which nothing new was seen for `quiet_s` seconds."""

    def __init__(
        self, what: str, quiet_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._quiet_s = quiet_s
        self._now_s = now_s
        self._seen: set[Hashable] = set()
        self._moved_s = now_s()

    def note(self, state: Hashable) -> None:
        """That it stands so. What stood so before is no progress: a thing that fails and starts
        over for ever is given up too. Raises `StartFailed`."""
        if state not in self._seen:
            self._seen.add(state)
            self._moved_s = self._now_s()
        elif self._now_s() - self._moved_s > self._quiet_s:
            raise StartFailed(f"{self._what} did not start: nothing moved for {self._quiet_s:g} s")


@contextmanager
def plain_failure(what: str) -> Iterator[None]:
    """Whatever ends the start of `what` within is told as `StartFailed`, in one line; our own
    errors stay as they are."""
    try:
        yield
    except ReelyardError:
        raise
    # Ray 2.60 raises whatever comes its way, a bare `Exception` among it.
    except Exception as error:
        raise StartFailed(f"{what} could not be started: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """What `error` says, without the pages that Ray's errors have."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
