"""An audio track of the output: decoded audio in one format and rate, laid out by the sample."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.fifo import AudioFifo
from av.rational import AVRational

from reelyard.actors.media.codec.audio_resampling import Resampler
from reelyard.actors.media.transcode.demux import Packet
from reelyard.actors.media.transcode.timeline import Retimer, SampleLine

_BLOCK = 8192
"""Samples that are gathered before the encoder gets them."""


class AudioTrack:
    """Encodes one audio track of the output.

    `feed` takes decoded frames of any format, which may change on the way; `shift` is the time on
    their clock (s) that is time 0 of the output.
    """

    def __init__(self, stream: av.AudioStream, end: Fraction | None) -> None:
        self._stream = stream
        context = stream.codec_context
        self._rate = context.sample_rate
        self._unit = Fraction(1, self._rate)
        self._format = context.format.name
        self._takes = context.codec.audio_formats or ()
        self._layout = context.layout.name
        self._channels = context.layout.nb_channels
        self._planar = context.format.is_planar
        self._resampler: Resampler | None = None
        self._key: tuple[object, ...] | None = None
        self._fifo = AudioFifo()
        self._shift = Fraction(0)
        self._clock: AVRational | None = None
        self._retimer: Retimer | None = None
        self._written = 0
        self.heard = False
        """Whether anything of the source was laid."""
        self.line = SampleLine(self._rate, end=None if end is None else round(end * self._rate))

    @property
    def seconds(self) -> Fraction:
        """How much has been encoded."""
        return Fraction(self._written, self._rate)

    def restart(self, shift: Fraction, *, snug: bool) -> Iterator[Packet]:
        """A new clip begins, with another clock; `snug` as for `SampleLine`."""
        yield from self._drain()
        self._shift, self._retimer = shift, None
        self.line.restart(snug=snug)

    def feed(self, frame: av.AudioFrame) -> Iterator[Packet]:
        """Packets that are ready now that `frame` has come."""
        if not frame.samples:
            return
        for part in self._convert(frame):
            yield from self._lay(part)

    def finish(self, until: Fraction | None) -> Iterator[Packet]:
        """The rest; `until`: with silence up to that time."""
        yield from self._drain()
        if until is not None:
            yield from self._silence(self.line.fill(round(until * self._rate)))
        if (rest := self._fifo.read()) is not None:
            yield from self._stream.encode(rest)
        yield from self._stream.encode(None)

    def _convert(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        key = (frame.sample_rate, frame.format.name, frame.layout.name)
        parts: list[av.AudioFrame] = []
        if key != self._key:
            if self._resampler is not None:
                parts = self._resampler.resample(None)
            self._key = key
            same = key == (self._rate, self._format, self._layout)
            self._resampler = None if same else self._new_resampler()
        if self._resampler is None:
            return [*parts, frame]
        return [*parts, *self._resampler.resample(frame)]

    def _new_resampler(self) -> Resampler:
        return Resampler(self._format, self._layout, self._rate, takes=self._takes)

    def _drain(self) -> Iterator[Packet]:
        if self._resampler is not None:
            for part in self._resampler.resample(None):
                yield from self._lay(part)
        self._resampler, self._key = None, None

    def _lay(self, frame: av.AudioFrame) -> Iterator[Packet]:
        at: int | None = None
        if frame.pts is not None and frame.time_base.denominator:
            at = self._position(frame.pts, frame.time_base)
        piece = self.line.place(at, frame.samples)
        yield from self._silence(piece.silence)
        if piece.take <= 0:
            return
        self.heard = True
        if piece.take < frame.samples:
            frame = self._slice(frame, piece.skip, piece.take)
        yield from self._encode(frame)

    def _position(self, pts: int, clock: AVRational) -> int:
        if self._retimer is None or clock != self._clock:
            base = Fraction(clock.numerator, clock.denominator)
            self._clock, self._retimer = clock, Retimer(base, self._shift, self._unit)
        return self._retimer(pts)

    def _silence(self, samples: int) -> Iterator[Packet]:
        while samples > 0:
            count = min(samples, self._rate)
            frame = av.AudioFrame(self._format, self._layout, count)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate = self._rate
            yield from self._encode(frame)
            samples -= count

    def _encode(self, frame: av.AudioFrame) -> list[Packet]:
        frame.pts, frame.time_base = self._written, self._unit
        self._written += frame.samples
        # Encoders want blocks of their own size, into which PyAV cuts what it is given by a filter
        # graph: to run that for every frame costs as much as a fifth of the encoding.
        self._fifo.write(frame)
        block = self._fifo.read() if self._fifo.samples >= _BLOCK else None
        return [] if block is None else self._stream.encode(block)

    def _slice(self, frame: av.AudioFrame, skip: int, take: int) -> av.AudioFrame:
        width = 1 if self._planar else self._channels
        samples = frame.to_ndarray()[:, skip * width : (skip + take) * width]
        part = av.AudioFrame.from_ndarray(samples.copy(), self._format, self._layout)
        part.sample_rate = self._rate
        return part
