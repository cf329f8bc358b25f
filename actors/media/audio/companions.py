"""Companions of enhanced audio: streams, tags and chapters of its source, copied as they are."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from reelyard.actors.media.audio.output_formats import Target
from reelyard.actors.media.audio.pcm.reader import AudioRegion
from reelyard.actors.media.codec.chapters import set_chapters
from reelyard.actors.media.codec.decode import frame_time, has_decoder, is_cover, packets
from reelyard.actors.media.codec.errors import media_errors
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.codec.timing.seeking import frames_from, packets_from, rewind

_STALE_TAGS = ("encoder", "major_brand", "minor_version", "compatible_brands", "itunnorm")
_STALE_PREFIXES = ("replaygain_", "r128_", "lavf_")
_MOST_REORDERED = 32
"""Packets that may come before the first with a decoding time."""
_GENERATE_PTS = 1
"""FFmpeg's flag for containers that keep no time stamps of their own."""
_COVER_MUXERS = ("mp3", "mp4", "flac")


@dataclass(frozen=True)
class Companions:
    """What is copied from the source beside the audio."""

    clock: PacketClock
    """Of an open input, that is not read from by anyone else meanwhile."""
    name: str
    """What its owner calls it."""
    streams: tuple[Stream, ...]
    """Video, subtitles, cover: copied packet by packet."""
    region: AudioRegion
    tags: dict[str, str]
    audio_tags: dict[str, str] = field(default_factory=dict)
    """Language and title of the track that is worked on."""


def track_tags(track: Stream) -> dict[str, str]:
    """Language and title of a track; MP4 has the title under another name."""
    found = {"language": track.metadata.get("language")}
    found["title"] = track.metadata.get("title") or track.metadata.get("name")
    return {key: value for key, value in found.items() if value and value != "und"}


def copied_tags(container: InputContainer, audio: av.AudioStream) -> dict[str, str]:
    """Tags of the source that are still true of the result.

    Ogg keeps them with the stream. What told players to change the volume is left out.
    """
    tags = {**audio.metadata, **container.metadata} if "ogg" in container.format.name else None
    return {
        key: value
        for key, value in (tags or container.metadata).items()
        if key.lower() not in _STALE_TAGS and not key.lower().startswith(_STALE_PREFIXES)
    }


def copied_streams(
    container: InputContainer, video: av.VideoStream | None, target: Target
) -> tuple[Stream, ...]:
    """What goes into `target`: video and the subtitles that fit, and the first cover."""
    kept: list[Stream] = []
    if video is not None and target.holds_video:
        kept = [video, *(s for s in container.streams.subtitles if fits(target, s))]
    if target.muxer in _COVER_MUXERS:
        found = [s for s in container.streams.video if is_cover(s) and fits(target, s, cover=True)]
        kept += found[:1]
    return tuple(kept)


def fits(target: Target, stream: Stream, *, cover: bool = False) -> bool:
    """Whether the container of `target` takes the stream's codec as it is."""
    if not has_decoder(stream):
        return False
    name = stream.codec_context.codec.canonical_name
    if cover:
        return name in ("mjpeg", "png")
    return name in _takes(target.muxer)


@cache
def _takes(muxer: str) -> frozenset[str]:
    """Names of the codecs that a container takes."""
    with av.open(io.BytesIO(), "w", format=muxer) as probe:
        return frozenset(probe.supported_codecs)


def add_copy(out: OutputContainer, source: Stream) -> Stream:
    copy = out.add_stream_from_template(source, opaque=True)
    copy.disposition = source.disposition
    copy.metadata.update(track_tags(source))
    return copy


def copy_chapters(companions: Companions, out: OutputContainer) -> None:
    region = companions.region
    if region.end is None and not region.cut:
        set_chapters(out, companions.clock.container.chapters())


def shifted_packets(companions: Companions) -> Iterator[tuple[Stream, float, av.Packet[Stream]]]:
    """(stream, time in the output in s, packet), in the order of the file, stamps moved."""
    if not companions.streams:
        return
    video = next((s for s in companions.streams if s.type == "video"), None)
    with media_errors(companions.name):
        yield from _copied(companions, video)


def _copied(
    companions: Companions, video: Stream | None
) -> Iterator[tuple[Stream, float, av.Packet[Stream]]]:
    region, clock = companions.region, companions.clock
    clock.container.flags |= _GENERATE_PTS
    if region.cut and video is not None:
        others = [stream for stream in companions.streams if stream is not video]
        run = packets_from(clock, region.zero, video, *others)
    else:
        rewind(clock)
        # Of all: where parts were joined, each stream tells where a part ends.
        run = packets(clock)
    wanted = {stream.index for stream in companions.streams}
    done: set[int] = set()
    for packet in with_dts(packet for packet in run if packet.stream.index in wanted):
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


def key_frame_before(clock: PacketClock, video: av.VideoStream, at: Fraction) -> Fraction | None:
    """Time of the last key frame at or before `at`, in s on the input's clock: of one that can
    be decoded, whatever the container says."""
    first = next(frames_from(clock, video, at), None)
    return None if first is None else frame_time(first)


def dropped_streams(
    container: InputContainer,
    audio: av.AudioStream,
    kept: Iterable[Stream],
    vacant: frozenset[int] = frozenset(),
) -> list[str]:
    """Kinds of the streams that are not in the result, for the report."""
    indices = {audio.index, *vacant, *(stream.index for stream in kept)}
    return [stream.type for stream in container.streams if stream.index not in indices]
