"""The time arithmetic of a transcode: where each frame and sample goes.

Pure; times are Fractions of seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

_HALF = Fraction(1, 2)


class StampGuess:
    """Chooses between the two time stamps of decoded frames, as FFmpeg's own command does.

    Some containers (AVI, old MP4) give decoding times only, or wrong presentation times; the kind
    that has gone back less often is believed (guess_correct_pts of libavcodec).
    """

    def __init__(self) -> None:
        self._last_pts: int | None = None
        self._last_dts: int | None = None
        self._last: int | None = None
        self._faulty_pts = 0
        self._faulty_dts = 0

    def choose(self, pts: int | None, dts: int | None) -> int | None:
        """The better of a frame's presentation and decoding stamps; None: it has none that could be
        believed."""
        if dts is not None:
            self._faulty_dts += self._last_dts is not None and dts <= self._last_dts
            self._last_dts = dts
        elif pts is not None:
            self._last_dts = pts
        if pts is not None:
            self._faulty_pts += self._last_pts is not None and pts <= self._last_pts
            self._last_pts = pts
        elif dts is not None:
            self._last_pts = dts
        chosen = dts
        # The last frames out of a decoder have no decoding time: theirs must only not go back.
        if pts is not None and (
            self._faulty_pts <= self._faulty_dts
            or (dts is None and (self._last is None or pts > self._last))
        ):
            chosen = pts
        self._last = self._last if chosen is None else chosen
        return chosen


class ConstantRate:
    """Turns frames at any times into frames at n / `fps`, by showing each until the next one.

    Feed the time of each new frame; the answer is the range of output numbers that the frame
    *before* it fills. Time stamps tremble (Matroska rounds them to 1 ms): a frame that comes late
    by less than `_SLACK` of a frame's duration counts as in time, else it would be dropped and the
    one before it shown twice.
    """

    # Sevenths do not occur between common rates, so that no frame lies on the very edge.
    _SLACK = Fraction(2, 7)

    def __init__(self, fps: Fraction) -> None:
        self.fps = fps
        self.next = 0

    def until(self, t: Fraction, rate: Fraction) -> range:
        """The output numbers n with n / fps < `t` (s) that have not been given out yet; `rate`:
        frames a second that come in, about."""
        return self._up_to(ceil((t - self._SLACK / max(rate, self.fps)) * self.fps))

    def rest(self, end: Fraction) -> range:
        """The output numbers up to the `end` (s), to the nearest whole frame, but one at least."""
        return self._up_to(max(1, round(end * self.fps)))

    def _up_to(self, stop: int) -> range:
        stop = max(self.next, stop)
        numbers = range(self.next, stop)
        self.next = stop
        return numbers


class Retimer:
    """Carries time stamps over to another clock: from units of `base` s to units of `unit` s, of
    which time 0 is `shift` s on the first clock. Halves are rounded up.

    In whole numbers: a `Fraction` for each packet and frame costs more than all else that Python
    does with it.
    """

    def __init__(self, base: Fraction, shift: Fraction, unit: Fraction) -> None:
        scale = base / unit
        # Not `round`: rounding halves to even would let two frames fall together.
        offset = _HALF - shift / unit
        self._times = scale.numerator * offset.denominator
        self._plus = offset.numerator * scale.denominator
        self._over = scale.denominator * offset.denominator

    def __call__(self, stamp: int) -> int:
        """`stamp` on the other clock."""
        return (stamp * self._times + self._plus) // self._over


class RisingStamps:
    """Lets through the time stamps that rise strictly, as encoders demand."""

    def __init__(self) -> None:
        self._last: int | None = None

    def stamp(self, pts: int) -> int | None:
        """`pts`; None: the frame comes no later than the one before: drop it."""
        if self._last is not None and pts <= self._last:
            return None
        self._last = pts
        return pts


@dataclass(frozen=True)
class Piece:
    """What to do with a block of samples: write `silence` first, then samples `skip` up to
    `skip + take`."""

    silence: int
    skip: int
    take: int


class SampleLine:
    """Lays blocks of samples end to end, with silence where the source has a gap.

    Time stamps of many files are rounded to milliseconds, and drift; what is laid here is counted
    in samples, so that it never jitters or goes back. Positions are samples from the start.
    """

    def __init__(self, rate: int, *, end: int | None = None, max_gap: int | None = None) -> None:
        self.rate = rate
        self.position = 0
        self._end = end
        self._tolerance = rate // 25
        self._overlap = rate // 8
        self._max_gap = max_gap if max_gap is not None else 1800 * rate
        self._exact = True
        self._snug = False
        self._late = 0
        self._due: int | None = None
        self._slow = False

    def restart(self, *, snug: bool = False) -> None:
        """The next block begins a new clip: its time counts to the sample. `snug`: it may be late
        by up to 0.5 s, as the first one out of some decoders is, and is laid without a gap."""
        self._exact, self._snug, self._late = True, snug, 0
        self._due, self._slow = None, False

    def place(self, at: int | None, samples: int) -> Piece:
        """Where a block of `samples` goes whose own time stamp says `at` (None: it has none).

        Off by less than 40 ms it is laid directly behind the one before, and so it is when its
        stamp lies more than 0.125 s in the past or more than `max_gap` ahead. What overlaps by less
        than that, as where recordings were joined, is left out: it would be late from then on. Not
        so where the stamps of block after block run slower than the samples: they are wrong.
        """
        believed = self._believed(at, samples)
        if at is None:
            return self._lay(0, 0, samples)
        ahead = at - self._late - self.position
        if self._exact:
            if self._snug and 0 < ahead <= self.rate // 2:
                self._late, ahead = ahead, 0
            if ahead + samples <= 0:
                return Piece(0, samples, 0)
            self._exact = False
            if ahead <= self._max_gap:
                return self._lay(max(0, ahead), max(0, -ahead), samples)
        elif self._tolerance < ahead <= self._max_gap:
            return self._lay(ahead, 0, samples)
        elif believed and -self._overlap <= ahead < -self._tolerance:
            return self._lay(0, min(samples, -ahead), samples)
        return self._lay(0, 0, samples)

    def _believed(self, at: int | None, samples: int) -> bool:
        """Whether the stamps have gone on by about as many samples as there were; they may fail to
        do so once."""
        due, self._due = self._due, None if at is None else at + samples
        if at is None or due is None:
            return True
        before, self._slow = self._slow, at - due < -samples // 8
        return not (before and self._slow)

    def fill(self, until: int) -> int:
        """How many samples of silence lead up to the position `until`; they count as laid."""
        return self._lay(max(0, until - self.position), 0, 0).silence

    @property
    def full(self) -> bool:
        """Whether the end was reached."""
        return self._end is not None and self.position >= self._end

    def _lay(self, silence: int, skip: int, samples: int) -> Piece:
        room = silence + samples if self._end is None else max(0, self._end - self.position)
        silence = min(silence, room)
        take = min(samples - skip, room - silence)
        self.position += silence + take
        return Piece(silence, skip, take)
