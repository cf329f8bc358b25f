"""Times: how they are written, and which moments of a film are taken. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:\.\d{1,6})?)")
_PLAIN = re.compile(r"\d{1,9}(?:\.\d{1,9})?")


def parse_timestamp(value: object) -> float:
    """Seconds from a number, or from "12.5", "MM:SS" or "HH:MM:SS" (seconds may have decimals).

    Raises `ValueError` for anything else, for negative times, and for 60 or more seconds (with
    hours, minutes) in a clock time.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value) or value < 0:
            raise ValueError(f"a time must be 0 s or later, not {value}")
        return float(value)
    text = value.strip() if isinstance(value, str) else ""
    if _PLAIN.fullmatch(text):
        return float(text)
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds = int(match[1] or 0), int(match[2]), float(match[3])
        if seconds < 60 and (match[1] is None or minutes < 60):
            return hours * 3600 + minutes * 60 + seconds
    raise ValueError(f"a time is seconds, MM:SS or HH:MM:SS, not {value!r}")


def clock(time_s: float) -> str:
    """`M:SS`, or `H:MM:SS` from an hour on."""
    minutes, seconds = divmod(int(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def cell_times(duration_s: float, count: int) -> list[float]:
    """The middles of `count` equal parts of the film, in s."""
    return [duration_s * (index + 0.5) / count for index in range(count)]


def tick_count(start_s: float, end_s: float, fps: float) -> int:
    """How many pictures at `fps` a second lie between two times; at least one."""
    return max(1, round((end_s - start_s) * fps))


def resample[T](
    timed: Iterable[tuple[float, T]], start_s: float, fps: float, count: int
) -> Iterator[T]:
    """`count` items at a constant rate: at each tick the one that is on show.

    `timed` are (time in s, item) in order of time; each item is shown until the next one's time.
    Before the first one, the first is shown; after the last one, the last; without any, nothing
    comes. Items are taken from `timed` no further than is needed.
    """
    # Half a millisecond of tolerance: time stamps in Matroska are rounded to milliseconds.
    source = iter(timed)
    upcoming = next(source, None)
    shown: T | None = None
    for tick in range(count):
        due_s = start_s + tick / fps + 0.0005
        while upcoming is not None and (shown is None or upcoming[0] <= due_s):
            shown = upcoming[1]
            upcoming = next(source, None)
        if shown is None:
            return
        yield shown
