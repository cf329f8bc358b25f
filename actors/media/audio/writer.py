"""Writing of enhanced audio to a file, with everything of the source that goes along with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer

from reelyard.actors.media.audio.companions import (
    Companions,
    add_copy,
    copy_chapters,
    shifted_packets,
)
from reelyard.actors.media.audio.output_formats import Target
from reelyard.actors.media.audio.pcm.blocks import Block, PcmFormat, frame_of
from reelyard.actors.media.codec.errors import media_errors

_MUXER = {name: {"movflags": "+faststart"} for name in ("mp4", "mov")}


def write_audio(
    path: Path,
    target: Target,
    pcm: PcmFormat,
    blocks: Iterable[Block],
    *,
    bit_rate: int | None,
    companions: Companions,
    progress: Callable[[float], None],
) -> dict[str, int]:
    """Encode `blocks` (shape (channels, n), at `pcm.rate`) into `path`.

    `progress` is called with the seconds written so far. Returns the packets copied, by stream
    type. Raises `OutputUnwritable`, `StorageFull`, `UnsupportedCodec`.
    """
    counts: dict[str, int] = {}
    with (
        media_errors(path.name, writing=True),
        av.open(str(path), "w", format=target.muxer, options=_MUXER.get(target.muxer, {})) as out,
    ):
        out.metadata.update(companions.tags)
        links = {s.index: add_copy(out, s) for s in companions.streams if s.type == "video"}
        audio = _AudioEncoder(out, target, pcm, bit_rate, progress)
        audio.stream.metadata.update(companions.audio_tags)
        links |= {s.index: add_copy(out, s) for s in companions.streams if s.type != "video"}
        copy_chapters(companions, out)
        out.start_encoding()
        feed = iter(blocks)
        for source, at, packet in shifted_packets(companions):
            for block in feed if at > audio.written_s else ():
                audio.write(block)
                if audio.written_s >= at:
                    break
            packet.stream = links[source.index]
            out.mux_one(packet)
            counts[source.type] = counts.get(source.type, 0) + 1
        for block in feed:
            audio.write(block)
        audio.finish()
    return counts


class _AudioEncoder:
    """The encoded stream: frames stamped by sample count."""

    def __init__(
        self,
        out: OutputContainer,
        target: Target,
        pcm: PcmFormat,
        bit_rate: int | None,
        progress: Callable[[float], None],
    ) -> None:
        self.written_s = 0.0
        self._out, self._pcm, self._progress = out, pcm, progress
        self._dither = np.random.default_rng(1) if target.encoder.sample_format == "s16" else None
        stream = out.add_stream(
            target.encoder.name, rate=pcm.rate, options=dict(target.encoder.options)
        )
        assert isinstance(stream, av.AudioStream)
        self.stream = stream
        context = stream.codec_context
        context.layout = pcm.layout
        context.format = target.encoder.sample_format
        context.time_base = Fraction(1, pcm.rate)
        if bit_rate is not None:
            context.bit_rate = bit_rate
        self._samples = 0

    def write(self, block: Block) -> None:
        """Encode and write the next samples."""
        if self._dither is not None:
            block = dithered(block, self._dither)
        frame = frame_of(np.clip(block, -1.0, 1.0), self._pcm.rate, self._pcm.layout, self._samples)
        self._samples += block.shape[1]
        self._out.mux(self.stream.encode(frame))
        self.written_s = self._samples / self._pcm.rate
        self._progress(self.written_s)

    def finish(self) -> None:
        """Drain the encoder."""
        self._out.mux(self.stream.encode(None))


def dithered(block: Block, random: np.random.Generator) -> Block:
    """With triangular noise of one step of 16 bits on either side, so that rounding makes no
    distortion (Lipshitz, Wannamaker, Vanderkooy 1992). Digital silence stays silent."""
    if not block.any():
        return block
    noise = random.random(block.shape, np.float32) - random.random(block.shape, np.float32)
    return block + noise * np.float32(1 / 32768)
