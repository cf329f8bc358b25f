"""The bridging of recordings that were put one behind the other, in formats whose stamps run on.

In FLV and Matroska no stamp ever overflows, and a gap is always real. But files that were joined as
bytes, and recordings whose sender came back, count from the beginning again somewhere. What can be
decoded alone comes in the order in which it is shown, in every codec: where such a packet lies
before what was there already, a new part has begun, and goes on where all before it had ended.
(The ffmpeg command drops the pictures of all parts but the first.) Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

_BACK = Fraction(1, 2)
"""As much in s may a stamp step back without a new part: some writers slip."""


@dataclass
class _Line:
    part: int
    last: Fraction | None = None
    """The latest stamp, in s on the clock of the file."""


class RestartBridge:
    """Tells by how much to move the stamps of each packet, packets given in file order.

    The streams begin anew one after the other, so each keeps to its part until it does so itself.
    """

    def __init__(self) -> None:
        self.offsets = [Fraction(0)]
        """By how much (s) the stamps of each part are moved."""
        self._lines: dict[int, _Line] = {}
        self._end: Fraction | None = None

    def shift(
        self, stream: int, unit: Fraction, stamp: int | None, length: int, *, is_key: bool
    ) -> int:
        """What to add to the stamps of a packet of video or audio that is shown at `stamp`, all in
        units of `unit` s. `is_key`: it can be decoded alone."""
        newest = len(self.offsets) - 1
        line = self._lines.get(stream)
        if line is None:
            line = self._lines[stream] = _Line(newest)
        if stamp is None:
            return round(self.offsets[line.part] / unit)
        at = stamp * unit
        if is_key and line.last is not None and at < line.last - _BACK:
            if line.part == newest:
                self.offsets.append((self._end or at) - at)
            line.part, line.last = len(self.offsets) - 1, None
        line.last = at if line.last is None else max(line.last, at)
        shift = round(self.offsets[line.part] / unit)
        end = (stamp + shift + length) * unit
        self._end = end if self._end is None else max(self._end, end)
        return shift

    def follow(self, unit: Fraction, stamp: int | None) -> int:
        """What to add to the stamps of a packet that comes now and then only (subtitles, data)."""
        del stamp
        return round(self.offsets[-1] / unit)
