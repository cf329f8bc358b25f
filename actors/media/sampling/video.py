"""A film opened for sampling: single pictures, or a stretch of it at a constant rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Disposition

from actors.media.codec import decode
from actors.media.codec.frame_conversion import BLACK, WHITE, FilterChain, Normalizer, orientation
from actors.media.codec.geometry import Orientation
from actors.media.codec.probe import frame_rate, pixel_aspect, probe_media
from actors.media.codec.source import identify, open_input
from actors.media.frames import Picture, flip, rotate, view
from actors.media.operation import Limits, Source
from actors.media.sampling.key_frames import MOST_PACKETS, last_key_packet
from actors.media.sampling.times import resample
from cluster.errors import CorruptMedia, NoSuchStream, UnsupportedFormat


@dataclass(frozen=True)
class Film:
    """An open film. `width` and `height` are of its upright picture with square pixels."""

    name: str
    width: int
    height: int
    duration_s: float
    fps: float
    turn: Orientation
    behind: str
    """What shows through clear pixels, #rrggbb."""
    container: InputContainer
    stream: av.VideoStream

    def time_of(self, frame: av.VideoFrame) -> float:
        """When `frame` is shown, in s from the film's start."""
        at = decode.seconds(frame.pts, frame.time_base)
        return 0.0 if at is None else float(at - decode.origin_s(self.container))

    @property
    def header_holds(self) -> bool:
        """Whether the header, read alone, told where the film starts, and size and shape of what
        has been decoded since."""
        own = self.stream.codec_context.sample_aspect_ratio
        told = self.stream.sample_aspect_ratio
        square = own.numerator == own.denominator or own.numerator <= 0
        shaped = _upright_size(self.stream) == (self.width, self.height)
        # Matroska has no start; FFmpeg's guess without a decoder is right only where it is 0.
        begins = self.container.start_time == 0 or "matroska" not in self.container.format.name
        return begins and shaped and (square or told.numerator > 0)

    def key_frame_at(self, time_s: float) -> av.VideoFrame | None:
        """The last key frame at or before `time_s`; decodes one packet, not a group of pictures.

        None where none was found near: the caller then decodes (`shown_at`).
        """
        if not decode.has_index(self.container):
            packet = last_key_packet(self.container, self.stream, self._clock(time_s))
            if packet is not None and (frame := self._alone(packet)) is not None:
                return frame
        self._go(time_s)
        for count, packet in enumerate(self.container.demux(self.stream)):
            if packet.size == 0 or count > MOST_PACKETS:
                break
            if packet.is_keyframe and (frame := self._alone(packet)) is not None:
                return frame
        return None

    def _alone(self, packet: av.Packet[av.VideoStream]) -> av.VideoFrame | None:
        """The frame of a key packet; draining gives it without reading the next group."""
        try:
            found = self.stream.decode(packet) or self.stream.decode(None)
        except av.error.InvalidDataError:
            found = []
        self.stream.codec_context.flush_buffers()
        return found[0] if found else None

    def shown_at(self, times_s: Sequence[float]) -> Iterator[av.VideoFrame]:
        """The frames on show at `times_s` (rising), decoding from the first time to the last.

        After the end, the last frame. Raises `CorruptMedia` if nothing can be decoded.
        """
        self._go(times_s[0])
        timed = self._timed(decode.frames(self.container, self.stream))
        upcoming = next(timed, None)
        shown: av.VideoFrame | None = None
        for time_s in times_s:
            while upcoming is not None and (shown is None or upcoming[0] <= time_s + 0.0005):
                shown = upcoming[1]
                upcoming = next(timed, None)
            if shown is None:
                raise CorruptMedia(f"{self.name!r}: no picture could be decoded")
            yield shown

    def sampled(self, start_s: float, fps: float, count: int) -> Iterator[av.VideoFrame]:
        """`count` frames from `start_s` on at `fps` a second; short films repeat their last."""
        self._go(start_s)
        # From the key frame on: the frame on show at the start may have begun before it.
        found = decode.frames(self.container, self.stream)
        for index, frame in enumerate(resample(self._timed(found), start_s, fps, count)):
            yield frame
            if index == count - 1:
                return

    def _timed(self, found: Iterator[av.VideoFrame]) -> Iterator[tuple[float, av.VideoFrame]]:
        return ((self.time_of(frame), frame) for frame in found)

    def _clock(self, time_s: float) -> Fraction:
        """That time on the container's own clock."""
        return decode.origin_s(self.container) + Fraction(max(0.0, time_s))

    def _go(self, time_s: float) -> None:
        decode.seek(self.container, self.stream, self._clock(time_s))


@contextmanager
def open_film(
    source: Source,
    limits: Limits,
    threads: int = 1,
    *,
    still: bool = False,
    header_only: bool = False,
) -> Iterator[Film]:
    """The film in `source`; with `still`, a photo (HEIC) counts as a film of no duration.

    `header_only` as for `open_input`; once something is decoded, ask `header_holds`.
    Raises `NoSuchStream` for sound, or a still picture, alone, `UnsupportedFormat` for photos made
    of tiles, and what `open_input` raises.
    """
    with open_input(source.path, limits, name=source.name, header_only=header_only) as container:
        stream = decode.require_video(container, source.name)
        if any(s.disposition & Disposition.dependent for s in container.streams.video):
            # FFmpeg hands out single tiles; the first one would pass for the whole photo.
            raise UnsupportedFormat(
                f"{source.name!r} is a photo made of tiles; these are not taken"
            )
        stream.thread_type, stream.thread_count = "AUTO", threads
        width, height = _upright_size(stream)
        yield Film(
            name=source.name,
            width=width,
            height=height,
            duration_s=_duration_s(container, stream, source, limits, still=still),
            fps=frame_rate(stream) or 25.0,
            turn=orientation(stream),
            behind=WHITE if identify(source.path, source.name).image else BLACK,
            container=container,
            stream=stream,
        )


def _upright_size(stream: av.VideoStream) -> tuple[int, int]:
    """Width and height (px) for display, with square pixels."""
    width = max(1, round(stream.width * pixel_aspect(stream)))
    return (stream.height, width) if orientation(stream).swaps else (width, stream.height)


def _duration_s(
    container: InputContainer,
    stream: av.VideoStream,
    source: Source,
    limits: Limits,
    *,
    still: bool,
) -> float:
    if container.duration is not None and container.duration > 0:
        return container.duration / av.time_base
    if not identify(source.path, source.name).image:
        return _covered_s(container, stream)
    found = probe_media(source.path, limits, name=source.name)
    if found.kind == "image" and not still:
        raise NoSuchStream(f"{source.name!r} is a still picture, not a film")
    return found.duration_s or 0.0


def _covered_s(container: InputContainer, stream: av.VideoStream) -> float:
    """The time that the film's packets cover, for containers that don't tell."""
    first, last = 0, 0
    for count, packet in enumerate(container.demux(stream)):
        at = packet.dts if packet.pts is None else packet.pts
        if packet.size and at is not None:
            first = min(first, at) if count else at
            last = max(last, at + (packet.duration or 0))
    return float(decode.seconds(last - first, stream.time_base) or 0)


class Painter:
    """Makes upright, small SDR pictures of a film's frames: yuv420p, BT.709 or as the film says."""

    def __init__(self, film: Film, width: int, height: int, threads: int = 1) -> None:
        self._turn = film.turn
        coded = (height, width) if film.turn.swaps else (width, height)
        self._scale = Normalizer(*coded, behind=film.behind, threads=threads)
        self._weave: FilterChain | None = None

    def paint(self, frame: av.VideoFrame) -> tuple[Picture, av.VideoFrame]:
        """The picture, and a frame that carries its colour tags and time stamp."""
        if frame.interlaced_frame:
            frame = self._progressive(frame)
        scaled = self._scale.convert(frame)
        picture = view(scaled)
        if self._turn.mirror:
            picture = flip(picture, "horizontal")
        return rotate(picture, -90 * self._turn.turns), scaled

    def _progressive(self, frame: av.VideoFrame) -> av.VideoFrame:
        chain = self._weave = self._weave or FilterChain([("bwdif", "deint=interlaced")])
        return [*chain.push(frame), *chain.flush()][-1]


def scaled_size(film_width: int, film_height: int, width: int) -> tuple[int, int]:
    """Even width and height (px) of a preview `width` wide; films are not enlarged."""
    wide = max(2, min(width, film_width) & ~1)
    return wide, max(2, round(film_height * wide / film_width / 2) * 2)
