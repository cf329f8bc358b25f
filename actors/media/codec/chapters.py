"""The chapters of an output, written so that every format keeps their times."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from av.container import OutputContainer

if TYPE_CHECKING:
    # There is such a type in PyAV's stubs only.
    from av.container.core import Chapter

_AS_COMMENTS = frozenset({"ogg", "oga", "ogv", "opus", "spx", "flac"})


def set_chapters(out: OutputContainer, chapters: Sequence[Chapter]) -> None:
    """Give `out`, whose header is not written yet, these chapters.

    Ogg and FLAC keep them as comments, CHAPTER000=00:00:00.000 (the Vorbis comment field names for
    chapters of OGM). FFmpeg 9's Ogg muxer rounds their seconds up and adds the milliseconds once
    more; its FLAC muxer leaves them out. So these are written as tags.
    """
    if not chapters:
        return
    if out.format.name not in _AS_COMMENTS:
        out.set_chapters(list(chapters))
        return
    for number, chapter in enumerate(chapters[:1000]):
        base = chapter["time_base"]
        at = chapter["start"] * Fraction(base.numerator, base.denominator)
        out.metadata[f"CHAPTER{number:03}"] = _clock(int(at * 1000))
        if title := chapter["metadata"].get("title"):
            out.metadata[f"CHAPTER{number:03}NAME"] = title


def _clock(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{ms:03}"
