"""Progress of work in several passes over the same audio."""

from __future__ import annotations

from dataclasses import dataclass

from reelyard.actors.media.operation import Phase, Progress


@dataclass
class PassProgress:
    """Progress over passes of equal length, of which it is not known before how many there are.

    Each pass gets a fixed share; what is done never goes back.
    """

    progress: Progress
    length_s: float = 0.0
    _done: float = 0.0
    _share: float = 0.0

    def begin(self, phase: Phase, share: float) -> None:
        """Start a pass that is worth `share` (0 to 1) of the whole, or what is left of it."""
        self._done = min(0.98, self._done + self._share)
        self._share = min(share, (0.98 - self._done) / 2 if self._done + share > 0.98 else share)
        self.progress(phase)

    def at(self, done_s: float, share: float = 0.0) -> None:
        """How many seconds of the audio the present pass has behind it; `share`: how much of it, 0
        to 1, for audio of unknown length."""
        part = min(1.0, done_s / self.length_s if self.length_s > 0 else share)
        fraction = self._done + self._share * part
        self.progress(
            fraction=fraction, done_s=fraction * self.length_s, total_s=self.length_s or None
        )
