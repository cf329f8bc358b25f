"""Writing sound to a file, with everything of the source that goes along with it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from actors.media.audio.formats import Target
from actors.media.audio.graph import frame_of
from actors.media.audio.pcm import PcmFormat, Region
from actors.media.audio.truepeak import Block
from actors.media.codec.decode import has_decoder, is_cover, seconds, seek
from actors.media.codec.errors import media_errors

_STALE_TAGS = ("encoder", "major_brand", "minor_version", "compatible_brands", "itunnorm")
_STALE_PREFIXES = ("replaygain_", "r128_", "lavf_")
_MOST_REORDERED = 32
"""Packets that may come before the first with a decoding time."""
_GENERATE_PTS = 1
"""FFmpeg's flag for containers that keep no time stamps of their own."""
_MUXER = {name: {"movflags": "+faststart"} for name in ("mp4", "mov")}
_COVER_MUXERS = ("mp3", "mp4", "mov", "flac")


@dataclass(frozen=True)
class Companions:
    """What is copied from the source beside the sound."""

    container: InputContainer
    """Open, and not read from by anyone else meanwhile."""
    name: str
    """What its owner calls it."""
    streams: tuple[Stream, ...]
    """Film, subtitles, cover: copied packet by packet."""
    region: Region
    tags: dict[str, str]


def copied_tags(container: InputContainer, sound: av.AudioStream) -> dict[str, str]:
    """Tags of the source that are still true of the result.

    Ogg keeps them with the stream. What told players to change the volume is left out.
    """
    tags = {**sound.metadata, **container.metadata} if "ogg" in container.format.name else None
    return {
        key: value
        for key, value in (tags or container.metadata).items()
        if key.lower() not in _STALE_TAGS and not key.lower().startswith(_STALE_PREFIXES)
    }


def copied_streams(
    container: InputContainer, film: av.VideoStream | None, target: Target
) -> tuple[Stream, ...]:
    """What to copy into `target`: the film and subtitles that fit; beside sound alone its cover."""
    if film is not None:
        texts = [s for s in container.streams.subtitles if fits(target, s)]
        return (film, *texts)
    if target.muxer not in _COVER_MUXERS:
        return ()
    covers = [s for s in container.streams.video if is_cover(s) and fits(target, s, cover=True)]
    return tuple(covers[:1])


def fits(target: Target, stream: Stream, *, cover: bool = False) -> bool:
    """Whether the container of `target` takes the stream's codec as it is."""
    if not has_decoder(stream):
        return False
    name = stream.codec_context.codec.canonical_name
    if cover:
        return name in ("mjpeg", "png")
    return name in _takes(target.muxer) or (target.muxer == "matroska" and stream.type == "video")


@cache
def _takes(muxer: str) -> frozenset[str]:
    """Names of the codecs that a container takes."""
    with av.open(io.BytesIO(), "w", format=muxer) as probe:
        return frozenset(probe.supported_codecs)


def write_sound(
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
        links = {s.index: _add_copy(out, s) for s in companions.streams if s.type == "video"}
        sound = _SoundWriter(out, target, pcm, bit_rate, progress)
        links |= {s.index: _add_copy(out, s) for s in companions.streams if s.type != "video"}
        _copy_chapters(companions, out)
        out.start_encoding()
        feed = iter(blocks)
        for source, at, packet in _shifted(companions):
            for block in feed if at > sound.written_s else ():
                sound.write(block)
                if sound.written_s >= at:
                    break
            packet.stream = links[source.index]
            out.mux_one(packet)
            counts[source.type] = counts.get(source.type, 0) + 1
        for block in feed:
            sound.write(block)
        sound.finish()
    return counts


def _add_copy(out: OutputContainer, source: Stream) -> Stream:
    copy = out.add_stream_from_template(source, opaque=True)
    copy.disposition = source.disposition
    copy.metadata.update(
        {key: value for key, value in source.metadata.items() if key in ("language", "title")}
    )
    return copy


def _copy_chapters(companions: Companions, out: OutputContainer) -> None:
    region = companions.region
    chapters = companions.container.chapters()
    if chapters and region.end is None and not region.cut:
        out.set_chapters(chapters)


class _SoundWriter:
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
        self._stream = stream
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
        self._out.mux(self._stream.encode(frame))
        self.written_s = self._samples / self._pcm.rate
        self._progress(self.written_s)

    def finish(self) -> None:
        """Drain the encoder."""
        self._out.mux(self._stream.encode(None))


def dithered(block: Block, random: np.random.Generator) -> Block:
    """With triangular noise of one step of 16 bits on either side, so that rounding makes no
    distortion (Lipshitz, Wannamaker, Vanderkooy 1992). Digital silence stays silent."""
    if not block.any():
        return block
    noise = random.random(block.shape, np.float32) - random.random(block.shape, np.float32)
    return block + noise * np.float32(1 / 32768)


def _shifted(companions: Companions) -> Iterator[tuple[Stream, float, av.Packet[Stream]]]:
    """(stream, time in the output in s, packet), in the order of the file, stamps moved."""
    if not companions.streams:
        return
    film = next((s for s in companions.streams if s.type == "video"), None)
    with media_errors(companions.name):
        yield from _copied(companions, film)


def _copied(
    companions: Companions, film: Stream | None
) -> Iterator[tuple[Stream, float, av.Packet[Stream]]]:
    region, container = companions.region, companions.container
    container.flags |= _GENERATE_PTS
    if region.cut and film is not None:
        seek(container, film, region.zero)
    else:
        container.seek(container.start_time or 0)
    done: set[int] = set()
    for packet in with_dts(container.demux(list(companions.streams))):
        source = packet.stream
        if source.index in done:
            continue
        if is_cover(source):
            yield source, 0.0, packet
            continue
        at = _move(packet, region.zero)
        if at is None or (region.cut and at[0] < 0):
            continue
        if region.end is not None and at[1] >= region.end - region.zero:
            done.add(source.index)
            if len(done) == len(companions.streams):
                return
            continue
        yield source, float(at[1]), packet


def with_dts(packets: Iterable[av.Packet[Stream]]) -> Iterator[av.Packet[Stream]]:
    """The packets without end markers, each with a decoding time.

    Matroska keeps none, and FFmpeg knows it only from some packets on: those before are counted
    back from the first that is known.
    """
    held: dict[int, list[av.Packet[Stream]]] = {}
    for packet in packets:
        if packet.size == 0:
            continue
        waiting = held.setdefault(packet.stream_index, [])
        if packet.dts is None and len(waiting) < _MOST_REORDERED:
            waiting.append(packet)
            continue
        if waiting:
            _count_back(waiting, packet)
            yield from waiting
            waiting.clear()
        yield packet
    for waiting in held.values():
        _count_back(waiting, None)
        yield from waiting


def _count_back(packets: list[av.Packet[Stream]], following: av.Packet[Stream] | None) -> None:
    """Give packets without a decoding time one before that of the packet that follows them."""
    if following is not None and following.dts is not None:
        step = max(1, packets[0].duration or 1)
        for index, packet in enumerate(packets):
            packet.dts = following.dts - step * (len(packets) - index)
        return
    # None is known: the order of showing, early enough for each packet.
    timed = [(packet, packet.pts) for packet in packets if packet.pts is not None]
    shown = sorted(pts for _, pts in timed)
    late = max((at - pts for at, (_, pts) in zip(shown, timed, strict=True)), default=0)
    for at, (packet, _) in zip(shown, timed, strict=True):
        packet.dts = at - late


def _move(packet: av.Packet[Stream], zero: Fraction) -> tuple[Fraction, Fraction] | None:
    """Shift the packet's stamps to the output's clock; (pts, dts) in s, None without stamps."""
    base = Fraction(packet.time_base.numerator, packet.time_base.denominator)
    pts = packet.dts if packet.pts is None else packet.pts
    dts = packet.pts if packet.dts is None else packet.dts
    if pts is None or dts is None:
        return None
    shift = round(zero / base)
    packet.pts, packet.dts = pts - shift, dts - shift
    return (pts - shift) * base, (dts - shift) * base


def key_frame_before(
    container: InputContainer, film: av.VideoStream, at: Fraction
) -> Fraction | None:
    """Time of the last key frame at or before `at`, in s on the container's clock."""
    seek(container, film, at)
    for packet in container.demux(film):
        if packet.size and packet.is_keyframe and packet.pts is not None:
            return seconds(packet.pts, packet.time_base)
    return None


def dropped_streams(
    container: InputContainer, sound: av.AudioStream, kept: Iterable[Stream]
) -> list[str]:
    """Kinds of the streams that are not in the result, for the report."""
    indices = {sound.index, *(stream.index for stream in kept)}
    return [stream.type for stream in container.streams if stream.index not in indices]
