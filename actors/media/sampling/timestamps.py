"""Timestamps as people write them, and as they are shown to people. Pure."""

from __future__ import annotations

import math
import re

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


def format_timestamp(time_s: float) -> str:
    """`M:SS`, or `H:MM:SS` from an hour on."""
    minutes, seconds = divmod(int(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
