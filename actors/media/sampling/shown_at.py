"""What is on show at given times, of items that each stay until the next one comes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

_TOLERANCE_S = 0.0005
"""Half a millisecond: time stamps in Matroska are rounded to milliseconds."""


def on_show[T](
    timed: Iterable[tuple[float, T]],
    times_s: Iterable[float],
    *,
    over: Callable[[float, float], bool] | None = None,
) -> Iterator[T]:
    """For each of the rising `times_s` the item on show then.

    `timed` are (time in s, item) in order of time; each item is shown until the next one's time.
    Before the first one, the first is shown; after the last one, the last, as long as `over` does
    not end it (asked with the last one's time and the one wanted); without any, nothing comes.
    Items are taken from `timed` no further than is needed.
    """
    source = iter(timed)
    upcoming = next(source, None)
    shown: T | None = None
    begun_s = 0.0
    for time_s in times_s:
        while upcoming is not None and (shown is None or upcoming[0] <= time_s + _TOLERANCE_S):
            begun_s, shown = upcoming
            upcoming = next(source, None)
        if shown is None or (upcoming is None and over is not None and over(begun_s, time_s)):
            return
        yield shown


def ticks(start_s: float, fps: float, count: int) -> list[float]:
    """`count` times in s from `start_s` on, `fps` a second."""
    return [start_s + tick / fps for tick in range(count)]


def tick_count(start_s: float, end_s: float, fps: float) -> int:
    """How many frames at `fps` a second lie between two times; at least one."""
    return max(1, round((end_s - start_s) * fps))
