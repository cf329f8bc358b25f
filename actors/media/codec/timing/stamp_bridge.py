"""The bridging of time stamps that jump: one clock that runs on for all streams of a file.

Broadcast streams that were joined, restarted or ran over begin to count anew somewhere. As the
ffmpeg command does (`ts_discontinuity_detect` in FFmpeg 9's ffmpeg_demux.c), a packet that comes
more than 10 s late or 0.1 s too early counts as such a jump, and goes on where its stream had
ended; the others are moved by as much. Smaller gaps are real and stay. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median

_AHEAD = Fraction(10)
"""A gap in s up to which it is believed (`-dts_delta_threshold` of ffmpeg)."""
_BACK = Fraction(1, 10)
"""As much in s may a stream step back without a jump."""
_BESIDE = Fraction(1)
"""A longer gap is real if another stream is as near as that (s): it has run on meanwhile."""
_REMEMBERED = 16
"""Of so many jumps a stream may lag behind the others."""


class _Line:
    """One stream on the common clock; all in units of `unit` s."""

    def __init__(self, unit: Fraction, part: int, shift: int, at: int) -> None:
        self.unit = unit
        self.part = part
        self.shift = shift
        self.ahead = int(_AHEAD / unit)
        self.back = int(_BACK / unit)
        self.last = self.next = at

    def fits(self, at: int) -> bool:
        """Whether a packet of that time may follow."""
        return self.last - self.back <= at <= self.next + self.ahead


class StampBridge:
    """Tells by how much to move the stamps of each packet, packets given in file order.

    The streams jump one after the other, some packets apart. So each one keeps to the part of the
    file that it is in until it jumps itself, and then follows the one that jumped first.

    Where the file was read before: `offsets` (s) by which the stamps of its parts are to be moved,
    the number of the `part` in which reading begins, and the time `at` (s, on the common clock)
    where it does.
    """

    def __init__(
        self, offsets: Sequence[Fraction] = (), part: int = 0, at: Fraction | None = None
    ) -> None:
        self.offsets = list(offsets) or [Fraction(0)]
        self.part = part
        """The number of the part that any of the streams has reached."""
        self._lines: dict[int, _Line] = {}
        self._latest: _Line | None = None
        self._begun = at

    @property
    def _at(self) -> Fraction | None:
        """When the last packet came, in s on the common clock."""
        line = self._latest
        return self._begun if line is None else line.last * line.unit

    def shift(self, stream: int, unit: Fraction, dts: int | None, length: int) -> int:
        """What to add to the stamps of a packet of video or audio, all in units of `unit` s."""
        line = self._lines.get(stream)
        if dts is None:
            return 0 if line is None else line.shift
        if line is None:
            line = self._lines[stream] = self._enter(unit, dts)
        elif not line.fits(dts + line.shift) or line.part != self.part:
            self._land(line, dts)
        line.last = dts + line.shift
        line.next = line.last + length
        self._latest = line
        return line.shift

    def follow(self, unit: Fraction, stamp: int | None) -> int:
        """What to add to the stamps of a packet that comes now and then only (subtitles, data)."""
        part = self.part if stamp is None else self._nearest(stamp * unit)
        return round(self.offsets[part] / unit)

    def _enter(self, unit: Fraction, dts: int) -> _Line:
        """The line of a stream whose first packet this is."""
        at = dts * unit
        part = self._nearest(at)
        if self._at is not None and abs(at + self.offsets[part] - self._at) > _AHEAD:
            part = self._add(self._at - at)
        self.part = max(self.part, part)
        shift = round(self.offsets[part] / unit)
        return _Line(unit, part, shift, dts + shift)

    def _land(self, line: _Line, dts: int) -> None:
        """Choose the part of the file for a stream that has jumped to `dts`, or that others have
        left behind."""
        shifts = {part: round(self.offsets[part] / line.unit) for part in self._near_parts()}
        shifts[line.part] = line.shift
        fitting = [part for part, shift in shifts.items() if line.fits(dts + shift)]
        if fitting:
            line.part = min(fitting, key=lambda part: abs(dts + shifts[part] - line.next))
            line.shift = shifts[line.part]
            self.part = max(self.part, line.part)
        elif not self._is_beside(line, dts):
            overlap = line.next - dts - shifts[self.part]
            if line.part < self.part and 0 < overlap <= line.ahead:
                self._put_off(overlap * line.unit)
                line.part, line.shift = self.part, line.next - dts
            else:
                line.shift = line.next - dts
                line.part = self._add(line.shift * line.unit)

    def _put_off(self, by: Fraction) -> None:
        """Let the newest part begin later: of this stream more had been there than of the one that
        jumped first."""
        self.offsets[self.part] += by
        for line in self._lines.values():
            if line.part == self.part:
                line.shift += round(by / line.unit)

    def _is_beside(self, line: _Line, dts: int) -> bool:
        at = dts + line.shift
        return at > line.last and self._at is not None and abs(at * line.unit - self._at) < _BESIDE

    def _nearest(self, stamp: Fraction) -> int:
        at = self._at
        if at is None:
            return self.part
        return min(self._near_parts(), key=lambda part: abs(stamp + self.offsets[part] - at))

    def _near_parts(self) -> range:
        """The numbers of the last parts and the next one."""
        return range(max(0, self.part - _REMEMBERED), min(self.part + 2, len(self.offsets)))

    def _add(self, offset: Fraction) -> int:
        self.offsets.append(offset)
        self.part = len(self.offsets) - 1
        return self.part


def runs_on(times_s: Sequence[float]) -> bool:
    """Whether times (s) read at even steps through a file look as if no stamp jumped between."""
    steps = [later - sooner for sooner, later in pairwise(times_s)]
    if not steps:
        return True
    usual = max(0.0, median(steps))
    return all(-float(_BACK) <= step <= float(_AHEAD) + 5 * usual for step in steps)


def keeps_together(stamps: Iterable[tuple[int, float]]) -> bool:
    """Whether (stream, time in s), as they come in a file, leave nothing to bridge; False: there
    may be, or nothing is known."""
    ahead, back = float(_AHEAD), float(_BACK)
    last: dict[int, float] = {}
    before: float | None = None
    for stream, at in stamps:
        if before is not None and abs(at - before) > ahead:
            return False
        if not -back <= at - last.get(stream, at) <= ahead:
            return False
        last[stream] = before = at
    return before is not None
