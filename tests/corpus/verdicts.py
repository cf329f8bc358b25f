"""The verdict on a job: whether the manifest allows how it ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.corpus.calls import CLIP, EXPORT, GIF, IMAGE, OPTIMIZE, PROBE, SMALL_PX, TO_VIDEO, Call
from tests.corpus.facts import differences, tolerance_s
from tests.corpus.known import DECODES_ALTHOUGH_FAULTY, DIFFERENCES, LENGTHS
from tests.corpus.manifest import Entry

UNSUPPORTED = frozenset({"unsupported_codec", "unsupported_format"})
CLEAN = UNSUPPORTED | {
    "corrupt_media",
    "truncated_media",
    "empty_source",
    "no_such_stream",
    "limit_exceeded",
    "unsupported_type",
}
"""Codes that name what is the matter with a file. All others are faults of ours."""


@dataclass(frozen=True)
class Ended:
    """How a job ended."""

    state: str
    """succeeded, failed, cancelled; anything else: it did not end in time."""
    code: str | None = None
    message: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The result."""
    output: Mapping[str, Any] = field(default_factory=dict)
    """Facts of the first file that it made."""
    seconds: float = 0.0
    """From its start to its end."""

    @property
    def ok(self) -> bool:
        """Succeeded."""
        return self.state == "succeeded"


def deviation(
    entry: Entry, call: Call, ended: Ended, probed: Mapping[str, Any] | None
) -> str | None:
    """What is wrong with how `call` on `entry` ended, in a line; None: it is as it should be.

    `probed`: the result of the probe of the same file, None where there is none.
    """
    if ended.state not in ("succeeded", "failed"):
        return f"did not end: {ended.state}"
    if call is EXPORT:
        return _of_export(entry, ended)
    if not ended.ok and ended.code not in CLEAN:
        return f"{ended.code}: {ended.message}"
    problem = _OF_OUTCOME[entry.outcome](entry, ended)
    if problem or not ended.ok or not entry.valid:
        return problem
    return "; ".join(_of_result(entry, call, ended, probed)) or None


def _must_succeed(_: Entry, ended: Ended) -> str | None:
    return None if ended.ok else f"{ended.code}: {ended.message}"


def _should_succeed(_: Entry, ended: Ended) -> str | None:
    return None if ended.ok or ended.code in UNSUPPORTED else f"{ended.code}: {ended.message}"


def _unsupported(_: Entry, ended: Ended) -> str | None:
    if ended.ok:
        return "succeeded, although it is not supported"
    return None if ended.code in UNSUPPORTED else f"{ended.code}: {ended.message}"


def _must_fail(entry: Entry, ended: Ended) -> str | None:
    # What a cut file still holds is shown, and called what it is.
    told = ended.data.get("truncated") is True
    if not ended.ok or told or entry.path in DECODES_ALTHOUGH_FAULTY:
        return None
    return "succeeded, although it is broken"


def _either(_: Entry, __: Ended) -> None:
    return None


_OF_OUTCOME = {
    "must_succeed": _must_succeed,
    "should_succeed": _should_succeed,
    "unsupported_clean": _unsupported,
    "must_fail": _must_fail,
    "either_clean": _either,
}


def _of_export(entry: Entry, ended: Ended) -> str | None:
    """Any file may be handed on, unchanged; none that is empty."""
    if not entry.size:
        return None if ended.code == "empty_source" else f"empty, and ended with {ended.code}"
    if not ended.ok:
        return f"{ended.code}: {ended.message}"
    size = ended.output.get("bytes")
    return None if size == entry.size else f"{size} bytes, not {entry.size}"


def _of_result(
    entry: Entry, call: Call, ended: Ended, probed: Mapping[str, Any] | None
) -> list[str]:
    if call is PROBE:
        known = entry.path in DIFFERENCES
        return [] if known else differences(entry.facts, dict(ended.data))
    if probed is None:
        return []
    return [
        *_wrong_size(call, ended, probed),
        *_wrong_length(entry, call, ended, probed),
        *_lost_sound(entry, call, ended),
    ]


def _wrong_size(call: Call, ended: Ended, probed: Mapping[str, Any]) -> list[str]:
    """Whether the output has the shape of the input, as it is shown."""
    width, height = ended.output.get("width"), ended.output.get("height")
    shown_w, shown_h = probed.get("width"), probed.get("height")
    if not (width and height and shown_w and shown_h):
        return []
    found = []
    if call is IMAGE and width != SMALL_PX:
        found.append(f"{width} px wide, not {SMALL_PX}")
    # Sizes are rounded, to even numbers in video.
    if abs(width * shown_h - height * shown_w) > 2 * max(shown_w, shown_h):
        found.append(f"{width}x{height} of {shown_w}x{shown_h}")
    return found


def _wrong_length(entry: Entry, call: Call, ended: Ended, probed: Mapping[str, Any]) -> list[str]:
    """Whether the output is as long as the input, or as what was asked for of it."""
    have, whole = ended.output.get("duration_s"), probed.get("duration_s")
    if entry.kind == "image" or not have or not whole or entry.path in LENGTHS:
        return []
    asked = min(whole, call.params["duration"]) if call in (GIF, CLIP) else whole
    # Encoders of sound pad their last frame; a GIF's pictures are a fifth of a second long.
    allowed = tolerance_s(asked) + (0.2 if call is GIF else 0.06)
    # Subtitles that end later count in headers, and are not carried.
    if entry.has_others and 0.75 * asked < have < asked:
        return []
    return [f"{have:.3f} s long, not {asked:.3f}"] if abs(have - asked) > allowed else []


def _lost_sound(entry: Entry, call: Call, ended: Ended) -> list[str]:
    kept = call in (TO_VIDEO, OPTIMIZE, CLIP) and entry.kind == "video" and entry.has_audio
    lost = kept and ended.output.get("video_codec") and not ended.output.get("audio_codec")
    return ["lost its sound"] if lost else []
