"""A look-ahead limiter for true peaks, in NumPy.

The gain is one curve for all channels. It is computed for hops of a millisecond: the gain that
each hop's true peak allows; a rise no faster than the release time; then the mean over the
look-ahead, so that the gain is already down when the peak comes. Each of these steps stays at or
below what each hop allows, and so does the straight line between two hops: the ceiling holds by
construction, not by tuning.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reelyard.actors.media.audio.measures.true_peak import REACH, amplitude, between
from reelyard.actors.media.audio.pcm.blocks import Block

HOP_S = 0.001


class Limiter:
    """Keeps the true peak of a stream at or below a ceiling.

    `feed` returns as many samples as it can decide on, `finish` the rest: in all as many as came
    in, without delay.
    """

    def __init__(
        self,
        rate: int,
        channels: int,
        ceiling_db: float,
        *,
        attack_s: float = 0.005,
        release_s: float = 0.1,
    ) -> None:
        """`ceiling_db` in dBTP; `rate` in Hz."""
        self.ceiling = amplitude(ceiling_db)
        self._hop = max(16, round(rate * HOP_S))
        self._ahead = max(1, round(attack_s / HOP_S))
        self._rise = 1 - float(np.exp(-HOP_S / release_s))
        self._kept: Block = np.zeros((channels, REACH - 1), np.float32)
        """Context, then samples whose hop's allowed gain is not known yet."""
        self._waiting: Block = np.zeros((channels, 0), np.float32)
        """Samples whose hops are in `_allowed` but not decided."""
        self._allowed = np.ones(0)
        self._released = 1.0
        self._history: NDArray[np.float64] | None = None
        self._node = 1.0
        """Gain at the start of the first waiting hop."""

    def feed(self, block: Block) -> Block:
        """Take samples, shape (channels, n); returns limited ones, shape (channels, m)."""
        self._kept = np.concatenate([self._kept, block], axis=1)
        hops = (self._kept.shape[1] - (REACH - 1) - REACH) // self._hop
        if hops > 0:
            self._admit(hops)
        return self._decide(len(self._allowed) - self._ahead - 1)

    def finish(self) -> Block:
        """The samples still held back."""
        left = self._kept.shape[1] - (REACH - 1) + self._waiting.shape[1]
        channels = self._kept.shape[0]
        # Silence behind the end, enough that every real sample's hop is decided.
        padding = self._hop * (self._ahead + 3) + REACH
        rest = self.feed(np.zeros((channels, padding), np.float32))
        return rest[:, :left]

    def _admit(self, hops: int) -> None:
        """Compute what gain the next `hops` hops allow and let their samples wait."""
        count = hops * self._hop
        window = self._kept[:, : count + REACH - 1 + REACH]
        peaks = np.zeros(hops)
        loudest = np.abs(window).max(initial=0.0)
        if loudest > 0.5 * self.ceiling:
            for channel in window:
                per_hop = between(channel).reshape(hops, self._hop).max(axis=1)
                np.maximum(peaks, per_hop, out=peaks)
        allowed = np.minimum(1.0, self.ceiling / np.maximum(peaks, 1e-12))
        self._allowed = np.concatenate([self._allowed, allowed])
        self._waiting = np.concatenate(
            [self._waiting, self._kept[:, REACH - 1 : REACH - 1 + count]], axis=1
        )
        self._kept = self._kept[:, count:].copy()

    def _decide(self, hops: int) -> Block:
        """Apply the gain to the first `hops` waiting hops."""
        if hops <= 0:
            return self._waiting[:, :0]
        first = self._history is None
        nodes = self._nodes(hops)
        if first:
            self._node = float(nodes[0])
        gain = self._line(np.concatenate([[self._node], nodes]))
        count = hops * self._hop
        limited: Block = self._waiting[:, :count] * gain
        self._waiting = self._waiting[:, count:].copy()
        self._allowed = self._allowed[hops:]
        self._node = float(nodes[-1])
        return limited

    def _nodes(self, hops: int) -> NDArray[np.float64]:
        """Gain at the ends of the first `hops` hops; each allowed by the hops on both sides."""
        # Node i stands between hop i and hop i + 1.
        sides = np.minimum(self._allowed[:-1], self._allowed[1:])
        ahead = np.lib.stride_tricks.sliding_window_view(sides, self._ahead).min(axis=1)[:hops]
        released = np.empty(hops)
        level, rise = self._released, self._rise
        for index, most in enumerate(ahead.tolist()):
            level = min(most, level + (1.0 - level) * rise)
            released[index] = level
        self._released = level
        history = np.full(self._ahead, released[0]) if self._history is None else self._history
        run = np.concatenate([history, released])
        self._history = run[-self._ahead :]
        sums = np.cumsum(np.concatenate([[0.0], run]))
        means: NDArray[np.float64] = (sums[self._ahead :] - sums[: -self._ahead]) / self._ahead
        return np.minimum(means[1:], sides[:hops])

    def _line(self, nodes: NDArray[np.float64]) -> NDArray[np.float32]:
        steps = np.arange(self._hop) / self._hop
        rows = nodes[:-1, None] + (nodes[1:] - nodes[:-1])[:, None] * steps[None, :]
        line: NDArray[np.float32] = rows.reshape(-1).astype(np.float32)
        return line
