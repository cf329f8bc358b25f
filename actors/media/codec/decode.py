"""The streams of an open input that are used, its start and length, its packets and frames."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from fractions import Fraction
from typing import Any, cast

import av
from av.container import InputContainer
from av.rational import AVRational
from av.stream import Disposition, Stream
from av.video.frame import PictureType

from reelyard.actors.media.codec.source import open_input
from reelyard.actors.media.codec.timing.packet_clock import PacketClock, late_start_s
from reelyard.actors.media.operation import Limits, Source
from reelyard.cluster.errors import CorruptMedia, NoSuchStream, UnsupportedCodec


def has_decoder(stream: Stream) -> bool:
    """Whether FFmpeg knows the stream's codec; PyAV has no codec context otherwise."""
    return getattr(stream, "codec_context", None) is not None


def is_cover(stream: Stream) -> bool:
    """Whether a video stream is an attached picture (a cover)."""
    return bool(stream.disposition & Disposition.attached_pic)


def best_video(container: InputContainer, vacant: Container[int] = ()) -> av.VideoStream | None:
    """The video stream: no cover; one that moves, then the default one, then the largest. None:
    there is none that can be decoded. `vacant`: the numbers of streams that hold nothing."""
    # An animated AVIF holds its first frame a second time, as a still image.
    found = [
        s
        for s in container.streams.video
        if has_decoder(s) and not is_cover(s) and s.index not in vacant
    ]
    return max(
        found, key=lambda s: (s.frames != 1, _is_default(s), s.width * s.height), default=None
    )


def best_audio(container: InputContainer, vacant: Container[int] = ()) -> av.AudioStream | None:
    """The audio track: the default one first, then that with the most channels. None: there is
    none that can be decoded. `vacant`: the numbers of streams that hold nothing."""
    found = [
        s
        for s in container.streams.audio
        if has_decoder(s) and s.codec_context.channels and s.index not in vacant
    ]
    return max(found, key=lambda s: (_is_default(s), s.codec_context.channels), default=None)


def require_video(
    container: InputContainer, name: str, vacant: Container[int] = ()
) -> av.VideoStream:
    """`best_video`, or `NoSuchStream`, or `UnsupportedCodec` where only the decoder is missing."""
    if stream := best_video(container, vacant):
        return stream
    if any(not has_decoder(s) for s in container.streams.video):
        raise UnsupportedCodec(f"{name!r}: there is no decoder for its video")
    empty = any(s.index in vacant for s in container.streams.video)
    but = ": its video track is empty" if empty else ""
    raise NoSuchStream(f"{name!r} has no video{but}", details={"stream": "video"})


def require_audio(
    container: InputContainer,
    name: str,
    track: int | None = None,
    vacant: Container[int] = (),
) -> av.AudioStream:
    """`best_audio`, or the audio track number `track` (from 0), or `NoSuchStream`, or
    `UnsupportedCodec` where only the decoder is missing."""
    tracks = container.streams.audio
    if track is not None:
        if track >= len(tracks):
            raise NoSuchStream(
                f"{name!r} has {len(tracks)} audio track(s); there is no track {track}",
                details={"stream": "audio", "track": track},
            )
        if tracks[track].index in vacant:
            raise NoSuchStream(
                f"the audio track {track} of {name!r} is empty",
                details={"stream": "audio", "track": track},
            )
        if has_decoder(tracks[track]):
            return tracks[track]
    elif stream := best_audio(container, vacant):
        return stream
    if any(not has_decoder(stream) for stream in tracks):
        raise UnsupportedCodec(f"{name!r}: there is no decoder for its audio")
    raise NoSuchStream(f"{name!r} has no audio", details={"stream": "audio"})


def _is_default(stream: Stream) -> bool:
    return bool(stream.disposition & Disposition.default)


def origin_s(container: InputContainer) -> Fraction:
    """The start of the video, in s on the container's clock: that of its pictures and sound, what
    "time 0" of the input means. To be asked before anything is read: that changes the streams."""
    videos = [stream for stream in container.streams.video if not is_cover(stream)]
    starts = [
        at
        for stream in (*videos, *container.streams.audio)
        if (at := seconds(stream.start_time, stream.time_base)) is not None
    ]
    # FFmpeg's own start is that of any stream, also of data or text that begins earlier. Its
    # "unknown" is the smallest 64-bit number, which PyAV hands on as None.
    start: int | None = container.start_time
    return min(starts, default=Fraction(start or 0, av.time_base))


def length_s(container: InputContainer) -> Fraction | None:
    """From `origin_s` to the end that the header tells, or that FFmpeg estimates; None: unknown.

    The shorter length where the header's may count from the clock's zero (`late_start_s`).
    """
    duration: int | None = container.duration
    if duration is None or duration <= 0:
        return None
    start: int | None = container.start_time
    late = round(origin_s(container) * av.time_base) - (start or 0)
    length = Fraction(max(0, duration - max(0, late)), av.time_base)
    return max(Fraction(0), length - late_start_s(container))


def seconds(pts: int | None, time_base: AVRational) -> Fraction | None:
    """A time stamp in seconds; None without one."""
    if pts is None or not time_base.denominator:
        return None
    return Fraction(pts * time_base.numerator, time_base.denominator)


def whole_s(clock: PacketClock) -> Fraction | None:
    """From `origin_s` to the end: as found where the time stamps jump, else `length_s`."""
    if clock.end_s is None:
        return length_s(clock.container)
    return max(Fraction(0), clock.end_s - origin_s(clock.container))


def packets(
    clock: PacketClock,
    *streams: Stream,
    broken: Callable[[], object] | None = None,
) -> Iterator[av.Packet[Any]]:
    """The packets of the streams (of all, without any), in the order of the file, and an empty one
    for each at the end.

    A file that can't be read further ends there, as for the ffmpeg command; `broken` is told. One
    of which nothing can be read raises the error.
    """
    begun = False
    try:
        for packet in clock.read(*streams):
            begun = True
            yield packet
    except (av.FFmpegError, OSError):
        if not begun:
            raise
        if broken is not None:
            broken()
        for stream in streams or clock.container.streams:
            end: av.Packet[Any] = av.Packet()
            end.stream = stream
            yield end


def decoded(packet: av.Packet[Any]) -> list[Any]:
    """The frames that come out with `packet`; none if it is damaged."""
    try:
        return list(packet.decode())
    except av.error.InvalidDataError:
        return []


def stands_alone(frame: av.VideoFrame) -> bool:
    """Whether a frame was decoded without any before it."""
    return bool(frame.key_frame) or frame.pict_type == PictureType.I


def frame_time(frame: av.VideoFrame) -> Fraction | None:
    """When a frame is shown, in s on the container's clock; None: nothing tells."""
    return seconds(frame.dts if frame.pts is None else frame.pts, frame.time_base)


def first_frame(source: Source, limits: Limits | None = None) -> av.VideoFrame:
    """The first frame that can be decoded, as it is coded: not turned.

    Raises `NoSuchStream`, `CorruptMedia` if nothing can be decoded.
    """
    with open_input(source, limits) as container:
        stream = require_video(container, source.name)
        # Threads that decode ahead are a waste where one frame is all that is wanted.
        stream.thread_type = "SLICE"
        for packet in packets(PacketClock(container), stream):
            for frame in decoded(packet):
                return cast("av.VideoFrame", frame)
    raise CorruptMedia(f"{source.name!r}: no frame could be decoded")
