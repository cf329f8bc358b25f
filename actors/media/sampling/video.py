"""A video opened for sampling: single frames, or a stretch of it at a constant rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Disposition

from actors.media.codec import decode
from actors.media.codec.frame_conversion import (
    BLACK,
    WHITE,
    clean_part,
    orientation,
    shown_part,
)
from actors.media.codec.geometry import Orientation, Rect, upright_size
from actors.media.codec.probe import (
    frame_rate,
    pixel_aspect,
    probe_media,
    sane_aspect,
)
from actors.media.codec.source import open_input
from actors.media.operation import Limits, Source
from actors.media.sampling.key_frames import MOST_PACKETS, last_key_packet
from actors.media.sampling.on_show import on_show, ticks
from cluster.errors import CorruptMedia, MediaError, NoSuchStream, UnsupportedFormat


@dataclass(frozen=True)
class OpenVideo:
    """An open video. `width` and `height` are those of its upright frames with square pixels."""

    name: str
    width: int
    height: int
    duration_s: float
    fps: float
    coded_size: tuple[int, int]
    """Of the frames, as the header tells, px."""
    part: Rect | None
    """What is shown of frames of that size; None: all."""
    turn: Orientation
    behind: str
    """What shows through clear pixels, #rrggbb."""
    container: InputContainer
    stream: av.VideoStream

    def shown_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height (px), upright and with square pixels, of decoded frames of that size."""
        if (width, height) == self.coded_size:
            return self.width, self.height
        own = sane_aspect(self.stream.codec_context.sample_aspect_ratio)
        return upright_size(width, height, own, self.turn)

    def time_of(self, frame: av.VideoFrame) -> float:
        """When `frame` is shown, in s from the video's start."""
        at = decode.seconds(frame.pts, frame.time_base)
        return 0.0 if at is None else float(at - decode.origin_s(self.container))

    @property
    def header_holds(self) -> bool:
        """Whether the header, read alone, told where the video starts, and size and shape of what
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

    def frames(self) -> Iterator[av.VideoFrame]:
        """All frames in order, as they are decoded; damaged packets are skipped."""
        return decode.frames(self.container, self.stream)

    def shown_at(self, times_s: Sequence[float]) -> Iterator[av.VideoFrame]:
        """The frames on show at `times_s` (rising), decoding from the first time to the last.

        After the end, the last frame. Raises `CorruptMedia` if nothing can be decoded.
        """
        shown = False
        for frame in on_show(self._frames_from(times_s[0]), times_s):
            shown = True
            yield frame
        if not shown:
            raise CorruptMedia(f"{self.name!r}: no frame could be decoded")

    def sampled(self, start_s: float, fps: float, count: int) -> Iterator[av.VideoFrame]:
        """`count` frames from `start_s` on at `fps` a second; short videos repeat their last."""
        return on_show(self._frames_from(start_s), ticks(start_s, fps, count))

    def frames_from(self, time_s: float) -> Iterator[av.VideoFrame]:
        """The frames from the key frame before `time_s` on, in order."""
        return (frame for _, frame in self._frames_from(time_s))

    def _frames_from(self, time_s: float) -> Iterator[tuple[float, av.VideoFrame]]:
        """(time in s, frame) from the key frame before `time_s` on: what is on show then may have
        begun before it."""
        self._go(time_s)
        for frame in decode.frames(self.container, self.stream):
            yield self.time_of(frame), frame

    def refuse_behind_end(self, field: str, time_s: float) -> None:
        """Raises `MediaError` when `time_s` lies behind the end of the video, if that is known."""
        if 0 < self.duration_s < time_s:
            raise MediaError(
                f"{self.name!r} is {self.duration_s:.3f} s long; {field} {time_s:g} s lies behind "
                "its end",
                details={field: time_s, "duration_s": self.duration_s},
            )

    def _clock(self, time_s: float) -> Fraction:
        """That time on the container's own clock."""
        return decode.origin_s(self.container) + Fraction(max(0.0, time_s))

    def _go(self, time_s: float) -> None:
        decode.seek(self.container, self.stream, self._clock(time_s))


@contextmanager
def open_video(
    source: Source,
    limits: Limits,
    threads: int = 1,
    *,
    still: bool = False,
    header_only: bool = False,
) -> Iterator[OpenVideo]:
    """The video in `source`; with `still`, a photo (HEIC) counts as a video of no duration.

    `header_only` as for `open_input`; once something is decoded, ask `header_holds`.
    Raises `NoSuchStream` for audio, or a still image, alone, `UnsupportedFormat` for photos made
    of tiles, and what `open_input` raises.
    """
    with open_input(source, limits, header_only=header_only) as container:
        stream = decode.require_video(container, source.name)
        if any(s.disposition & Disposition.dependent for s in container.streams.video):
            # FFmpeg hands out single tiles; the first one would pass for the whole photo.
            raise UnsupportedFormat(
                f"{source.name!r} is a photo made of tiles; these are not taken"
            )
        stream.thread_type, stream.thread_count = "AUTO", threads
        width, height = _upright_size(stream)
        yield OpenVideo(
            name=source.name,
            width=width,
            height=height,
            duration_s=_duration_s(container, stream, source, limits, still=still),
            fps=frame_rate(stream) or 25.0,
            coded_size=(stream.width, stream.height),
            part=clean_part(stream),
            turn=orientation(stream),
            behind=WHITE if source.sniffed.image else BLACK,
            container=container,
            stream=stream,
        )


def _upright_size(stream: av.VideoStream) -> tuple[int, int]:
    return upright_size(*shown_part(stream), pixel_aspect(stream), orientation(stream))


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
    if not source.sniffed.image:
        return _covered_s(container, stream)
    found = probe_media(source, limits)
    if found.kind == "image" and not still:
        raise NoSuchStream(f"{source.name!r} is a still image, not a video")
    return found.duration_s or 0.0


def _covered_s(container: InputContainer, stream: av.VideoStream) -> float:
    """The time that the video's packets cover, for containers that don't tell."""
    first, last = 0, 0
    for count, packet in enumerate(container.demux(stream)):
        at = packet.dts if packet.pts is None else packet.pts
        if packet.size and at is not None:
            first = min(first, at) if count else at
            last = max(last, at + (packet.duration or 0))
    return float(decode.seconds(last - first, stream.time_base) or 0)
