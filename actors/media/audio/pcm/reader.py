"""Audio of a stream decoded to PCM blocks on a gapless time line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from reelyard.actors.media.audio.pcm.blocks import (
    BLOCK_SAMPLES,
    Block,
    PcmFormat,
    regroup,
    sample_format,
    samples_of,
)
from reelyard.actors.media.codec.audio_resampling import Resampler
from reelyard.actors.media.codec.decode import packets, seconds
from reelyard.actors.media.codec.timing.ending import Reach
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.codec.timing.seeking import packets_from
from reelyard.cluster.errors import CorruptMedia, LimitExceeded

GAP_S = 0.1
"""A jump of the time stamps by more than this is a gap, which becomes silence."""
PREROLL_S = 1.0
"""Decoders of lossy codecs need a while before what they give is right."""


@dataclass(frozen=True)
class AudioRegion:
    """What part of a stream is meant, in seconds on the container's own clock."""

    zero: Fraction
    """The time of the first sample of the output."""
    end: Fraction | None = None
    cut: bool = False
    """The start was asked for: cut there exactly, and search for it."""


class PcmReader:
    """Decodes one stream into blocks on a gapless time line.

    Sample n of the output belongs to the time `region.zero + n / rate`: gaps in the source become
    silence, what comes before is cut, damaged packets are skipped and counted. `name` is what the
    source is called in messages.
    """

    def __init__(
        self,
        clock: PacketClock,
        stream: av.AudioStream,
        pcm: PcmFormat,
        region: AudioRegion,
        *,
        name: str,
        max_duration_s: float,
    ) -> None:
        self.name = name
        self.bad_packets = 0
        self.gaps_s = 0.0
        """Silence put in, in seconds."""
        self._clock = clock
        self._stream = stream
        self._pcm = pcm
        self._region = region
        self._longest = int(max_duration_s * pcm.rate)
        self._end = (
            None if region.end is None else max(0, round((region.end - region.zero) * pcm.rate))
        )
        self.reach = Reach(region.zero, clock.container)
        """How far the whole file goes, from `region.zero` on."""
        self._position: int | None = None
        """Sample number of the next decoded sample; below 0 it is cut."""

    def blocks(self) -> Iterator[Block]:
        """Blocks of shape (channels, n), n at most `BLOCK_SAMPLES`.

        Raises `LimitExceeded` when the stream turns out longer than its header told, and
        `CorruptMedia` when most of it can't be decoded.
        """
        return regroup(self._timed(), self._pcm.channels)

    def _timed(self) -> Iterator[Block]:
        given = 0
        for block in self._placed():
            cut = block
            if self._end is not None and given + block.shape[1] >= self._end:
                cut = block[:, : self._end - given]
            given += cut.shape[1]
            if given > self._longest:
                allowed = self._longest / self._pcm.rate
                raise LimitExceeded(
                    f"{self.name!r}: its audio is longer than the {allowed:.0f} s that are taken",
                    details={"limit": "max_duration_s", "allowed": allowed},
                )
            yield cut
            if self._end is not None and given >= self._end:
                return

    def _placed(self) -> Iterator[Block]:
        """Blocks from sample 0 on, gaps filled."""
        for start, block in self._resampled():
            if self._position is None:
                near = abs(start) <= GAP_S * self._pcm.rate and not self._region.cut
                self._position = 0 if near else start
                if self._position > 0:
                    yield from self._silence(self._position)
            elif start - self._position > GAP_S * self._pcm.rate:
                gap = start - max(0, self._position)
                self._position = start
                if gap > 0:
                    yield from self._silence(gap)
            before = min(block.shape[1], max(0, -self._position))
            self._position += block.shape[1]
            if before < block.shape[1]:
                yield block[:, before:]

    def _silence(self, samples: int) -> Iterator[Block]:
        if samples > self._longest:
            # No audio could be so late: the time stamps are wrong, the audio may still be right.
            return
        self.gaps_s += samples / self._pcm.rate
        for start in range(0, samples, BLOCK_SAMPLES):
            yield np.zeros((self._pcm.channels, min(BLOCK_SAMPLES, samples - start)), np.float32)

    def _resampled(self) -> Iterator[tuple[int, Block]]:
        """(sample number by time stamp, block): the last block before a change is flushed."""
        shape: tuple[object, ...] | None = None
        resampler: Resampler | None = None
        expected = 0
        for frame in self._frames():
            now = (frame.format.name, frame.layout.name, frame.sample_rate)
            at = seconds(frame.pts, frame.time_base)
            start = expected if at is None else round((at - self._region.zero) * self._pcm.rate)
            if now != shape:
                if resampler is not None:
                    for piece in resampler.resample(None):
                        yield expected, samples_of(piece)
                resampler, shape = self._resampler(), now
            frame.pts = None
            assert resampler is not None
            for piece in resampler.resample(frame):
                yield start, samples_of(piece)
            expected = start + round(frame.samples * self._pcm.rate / frame.sample_rate)
        if resampler is not None:
            for piece in resampler.resample(None):
                yield expected, samples_of(piece)

    def _resampler(self) -> Resampler:
        form = sample_format(self._pcm.channels)
        return Resampler(form, self._pcm.layout, self._pcm.rate)

    def _packets(self) -> Iterator[av.Packet[Any]]:
        """Of all streams: how far the file goes shows in each of them."""
        broken = self.reach.note_error
        if not self._region.cut:
            return packets(self._clock, broken=broken)
        others = [s for s in self._clock.container.streams if s.index != self._stream.index]
        begin = self._region.zero - Fraction(PREROLL_S)
        return packets_from(self._clock, begin, self._stream, *others, broken=broken)

    def _frames(self) -> Iterator[av.AudioFrame]:
        good = 0
        for packet in self._packets():
            self.reach.note(packet)
            if packet.stream.index != self._stream.index:
                continue
            try:
                frames: list[Any] = packet.decode()
            except av.error.InvalidDataError:
                self.bad_packets += 1
            else:
                good += packet.size > 0
                yield from frames
        if self.bad_packets > good:
            raise CorruptMedia(f"{self.name!r}: most of its audio is damaged")
