"""The one policy for files that may be cut off short. Pure: facts in, a verdict out.

Sure: the file itself points behind its end (an index, a count of packets, the size of a segment),
or breaks off within a packet, and what is there falls short of what was promised. Only suspected:
the data do not reach the promised length, and nothing else says so; headers often lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reelyard.cluster.errors import CorruptMedia, TruncatedMedia

_SURE_S = 0.1
"""The end of a file may lack an index, or the last packet's own length: less does not count."""
_SUSPECT_S = 0.5
_SUSPECT_SHARE = 0.02
"""Headers are rounded, and tell the length of streams that nobody has counted."""


class Verdict(StrEnum):
    """How a file ends."""

    WHOLE = "whole"
    SUSPECTED = "suspected"
    TRUNCATED = "truncated"


@dataclass(frozen=True)
class Evidence:
    """What is known of a file's end. Times in s from the start of its pictures and sound."""

    promised_s: float | None
    """The length that its header tells; None: it tells none."""
    reached_s: float
    """How far the data go."""
    points_behind: bool = False
    """An index, a count or the size of a segment leads behind the end of the file."""
    broken_off: bool = False
    """Reading ended within a packet, or with an error."""
    open_end: bool = False
    """The container marks its end, and the mark is missing."""
    wanted_s: float | None = None
    """The end of the part that is asked for; None: all of it."""
    shortest_s: float | None = None
    """How far the shortest track goes; None: as far as all."""

    @property
    def uneven(self) -> bool:
        """Whether bytes are missing, and a track with them."""
        if not self.points_behind or self.shortest_s is None:
            return False
        return self.reached_s - self.shortest_s > _usual_error_s(self.reached_s)


def _usual_error_s(length_s: float) -> float:
    return max(_SUSPECT_S, length_s * _SUSPECT_SHARE)


def judge(evidence: Evidence) -> Verdict:
    """Whether what is asked for is there."""
    sure = evidence.points_behind or evidence.broken_off
    if evidence.wanted_s is not None and evidence.reached_s >= evidence.wanted_s - _SURE_S:
        return Verdict.WHOLE
    if evidence.uneven:
        return Verdict.TRUNCATED
    if evidence.promised_s is None:
        if evidence.points_behind:
            return Verdict.TRUNCATED
        doubtful = evidence.broken_off or evidence.open_end
        return Verdict.SUSPECTED if doubtful else Verdict.WHOLE
    missing = evidence.promised_s - evidence.reached_s
    if sure and missing > _SURE_S:
        return Verdict.TRUNCATED
    if missing > _usual_error_s(evidence.promised_s):
        return Verdict.SUSPECTED
    return Verdict.WHOLE


@dataclass(frozen=True)
class Ending:
    """The verdict on a file called `name`, and the lengths that it rests on."""

    name: str
    verdict: Verdict
    available_s: float
    expected_s: float | None
    """None: the file does not tell."""
    uneven: bool = False
    """One of its tracks ends long before the others."""

    @classmethod
    def of(cls, name: str, evidence: Evidence) -> Ending:
        """By the policy."""
        reached = max(0.0, evidence.reached_s)
        return cls(name, judge(evidence), reached, evidence.promised_s, evidence.uneven)

    @property
    def whole(self) -> bool:
        """Whether nothing is known to be missing."""
        return self.verdict is Verdict.WHOLE

    @property
    def lengths(self) -> dict[str, float | None]:
        """Both lengths in s, as results and errors tell them."""
        expected = None if self.expected_s is None else round(self.expected_s, 3)
        return {
            "expected_duration_s": expected,
            "available_duration_s": round(self.available_s, 3),
        }

    @property
    def told(self) -> str:
        """Both lengths in words."""
        tracks = ", but not of each track" if self.uneven else ""
        if self.expected_s is None:
            return f"{self.available_s:.2f} s are there{tracks}"
        return f"{self.available_s:.2f} of {self.expected_s:.2f} s are there{tracks}"

    @property
    def note(self) -> str:
        """The remark for the caller of a job that used what is there."""
        cut = "is cut off" if self.verdict is Verdict.TRUNCATED else "seems to be cut off"
        return f"{self.name!r} {cut}: {self.told}"

    def refuse_unless(self, partial: bool) -> None:
        """Raises `TruncatedMedia` for a file that is surely cut off, unless `partial` is wanted,
        and `CorruptMedia` where it is cut off before its first packet."""
        if self.verdict is not Verdict.TRUNCATED or partial:
            return
        if not self.available_s:
            raise CorruptMedia(f"{self.name!r} is cut off before its first picture or sound")
        raise self.error("partial=true delivers what is there")

    def refuse_behind(self, field: str, time_s: float) -> None:
        """Raises `TruncatedMedia` if `time_s` lies behind what is there."""
        if not self.whole and time_s >= self.available_s > 0:
            raise self.error(f"{field} {time_s:g} s lies behind that")

    def error(self, advice: str) -> TruncatedMedia:
        """The error that says so."""
        return TruncatedMedia(
            f"{self.note}; {advice}",
            details={"name": self.name, **self.lengths, "parameter": "partial"},
        )


def truncation_data(endings: Sequence[Ending]) -> dict[str, Any]:
    """What the data of a result say of inputs that end too early, all together; empty where every
    one is whole."""
    if all(ending.whole for ending in endings):
        return {}
    expected = [ending.expected_s for ending in endings if ending.expected_s is not None]
    told = len(expected) == len(endings)
    return {
        "truncated": True,
        "expected_duration_s": round(sum(expected), 3) if told else None,
        "available_duration_s": round(sum(ending.available_s for ending in endings), 3),
    }
