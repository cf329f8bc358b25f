"""The streams of an open input that are used, and their frames from any time on."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.rational import AVRational
from av.stream import Disposition, Stream

from actors.media.codec.packet_clock import PacketClock
from actors.media.codec.source import open_input
from actors.media.operation import Limits, Source
from cluster.errors import CorruptMedia, NoSuchStream, UnsupportedCodec


def has_decoder(stream: Stream) -> bool:
    """Whether FFmpeg knows the stream's codec; PyAV has no codec context otherwise."""
    return getattr(stream, "codec_context", None) is not None


def is_cover(stream: Stream) -> bool:
    """Whether a video stream is an attached picture (a cover)."""
    return bool(stream.disposition & Disposition.attached_pic)


def best_video(container: InputContainer) -> av.VideoStream | None:
    """The video stream: no cover; one that moves, then the default one, then the largest. None:
    there is none that can be decoded."""
    # An animated AVIF holds its first frame a second time, as a still image.
    found = [s for s in container.streams.video if has_decoder(s) and not is_cover(s)]
    return max(
        found, key=lambda s: (s.frames != 1, _is_default(s), s.width * s.height), default=None
    )


def best_audio(container: InputContainer) -> av.AudioStream | None:
    """The audio track: the default one first, then that with the most channels. None: there is
    none that can be decoded."""
    found = [s for s in container.streams.audio if has_decoder(s) and s.codec_context.channels]
    return max(found, key=lambda s: (_is_default(s), s.codec_context.channels), default=None)


def require_video(container: InputContainer, name: str) -> av.VideoStream:
    """`best_video`, or `NoSuchStream`, or `UnsupportedCodec` where only the decoder is missing."""
    if stream := best_video(container):
        return stream
    if any(not has_decoder(s) for s in container.streams.video):
        raise UnsupportedCodec(f"{name!r}: there is no decoder for its video")
    raise NoSuchStream(f"{name!r} has no video", details={"stream": "video"})


def require_audio(container: InputContainer, name: str, track: int | None = None) -> av.AudioStream:
    """`best_audio`, or the audio track number `track` (from 0), or `NoSuchStream`, or
    `UnsupportedCodec` where only the decoder is missing."""
    tracks = container.streams.audio
    if track is not None:
        if track >= len(tracks):
            raise NoSuchStream(
                f"{name!r} has {len(tracks)} audio track(s); there is no track {track}",
                details={"stream": "audio", "track": track},
            )
        if has_decoder(tracks[track]):
            return tracks[track]
    elif stream := best_audio(container):
        return stream
    if tracks:
        raise UnsupportedCodec(f"{name!r}: there is no decoder for its audio")
    raise NoSuchStream(f"{name!r} has no audio", details={"stream": "audio"})


def _is_default(stream: Stream) -> bool:
    return bool(stream.disposition & Disposition.default)


def origin_s(container: InputContainer) -> Fraction:
    """The container's start in seconds: what "time 0" of the input means."""
    # FFmpeg's "unknown" is the smallest 64-bit number, which PyAV hands on as None.
    start: int | None = container.start_time
    return Fraction(start or 0, av.time_base)


def seconds(pts: int | None, time_base: AVRational) -> Fraction | None:
    """A time stamp in seconds; None without one."""
    if pts is None or not time_base.denominator:
        return None
    return pts * Fraction(time_base.numerator, time_base.denominator)


def frames(
    clock: PacketClock,
    stream: av.VideoStream,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Iterator[av.VideoFrame]:
    """The frames from `start_s` to before `end_s` (s from the start of the input), in order.

    Damaged packets are skipped. Neither rotation nor anything else is applied.
    """
    origin = origin_s(clock.container)
    first = origin + Fraction(start_s)
    last = None if end_s is None else origin + Fraction(end_s)
    if start_s > 0:
        seek(clock, stream, first)
    for packet in clock.read(stream):
        try:
            decoded = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in decoded:
            at = seconds(frame.pts, frame.time_base)
            if at is None or at >= first:
                if at is not None and last is not None and at >= last:
                    return
                yield frame


_INDEXED = frozenset({"mov", "matroska", "avi", "flv", "wav", "flac", "mxf", "caf", "aiff"})
_STEPS_BACK_S = (0, 2, 10, 60)


def has_index(container: InputContainer) -> bool:
    """Whether the format lists its key frames, so that a seek ends at the last one before."""
    return container.format.name.split(",")[0] in _INDEXED


def seek(clock: PacketClock, stream: Stream, at: Fraction) -> None:
    """Go to a key frame at or before `at` (s on the input's own clock): the last one where the
    container has an index. Decoding begins at the start where a file can't be searched."""
    if clock.seek(stream, at):
        return
    container = clock.container
    if seek_near(container, stream, at) and has_index(container):
        return
    # Without an index FFmpeg may land behind the last key frame; a decoded frame tells.
    for back in _STEPS_BACK_S:
        if at - back > origin_s(container) and seek_near(container, stream, at - back):
            first = _first_time(container, stream)
            if first is not None and first <= at and seek_near(container, stream, at - back):
                return
    rewind(clock)


_UNSEARCHABLE = "webp_anim"
"""A search by time in it ends, without an error, where nothing can be read any more."""


def rewind(clock: PacketClock) -> None:
    """Go to the beginning of the file."""
    if not clock.rewind():
        by_byte = clock.container.format.name == _UNSEARCHABLE
        clock.container.seek(0, unsupported_byte_offset=by_byte)


def seek_near(container: InputContainer, stream: Stream, at: Fraction) -> bool:
    """FFmpeg's own search for `at`, which may end behind it where there is no index; False: it
    can't search this file."""
    if container.format.name == _UNSEARCHABLE:
        return False
    base = stream.time_base
    offset = int(at * base.denominator / base.numerator) if base.numerator else 0
    try:
        container.seek(offset, stream=stream)
    except (av.FFmpegError, OSError):
        return False
    return True


def _first_time(container: InputContainer, stream: Stream) -> Fraction | None:
    for packet in container.demux(stream):
        try:
            decoded: list[Any] = packet.decode()
        except av.error.InvalidDataError:
            continue
        if decoded:
            return seconds(decoded[0].pts, decoded[0].time_base)
    return None


def first_frame(source: Source, limits: Limits | None = None) -> av.VideoFrame:
    """The first frame that can be decoded, as it is coded: not turned.

    Raises `NoSuchStream`, `CorruptMedia` if nothing can be decoded.
    """
    with open_input(source, limits) as container:
        stream = require_video(container, source.name)
        # Threads that decode ahead are a waste where one frame is all that is wanted.
        stream.thread_type = "SLICE"
        for frame in frames(PacketClock(container), stream):
            return frame
    raise CorruptMedia(f"{source.name!r}: no frame could be decoded")
