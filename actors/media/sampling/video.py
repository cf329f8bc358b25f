"""A video opened for sampling: single frames, or a stretch of it at a constant rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition

from reelyard.actors.media.codec import decode
from reelyard.actors.media.codec.frame_conversion import (
    BLACK,
    WHITE,
    clean_part,
    orientation,
    shown_part,
)
from reelyard.actors.media.codec.geometry import Orientation, Rect, upright_size
from reelyard.actors.media.codec.probe import (
    frame_rate,
    pixel_aspect,
    probe_media,
    sane_aspect,
)
from reelyard.actors.media.codec.source import open_input
from reelyard.actors.media.codec.timing import seeking
from reelyard.actors.media.codec.timing.ending import expectation, survey
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.codec.timing.vacant_streams import vacant_streams
from reelyard.actors.media.operation import Limits, Source
from reelyard.actors.media.sampling.key_frames import MOST_PACKETS, Packet, last_key_packet
from reelyard.actors.media.sampling.shown_at import on_show, ticks
from reelyard.actors.media.truncation.policy import Ending, truncation_data
from reelyard.cluster.errors import CorruptMedia, MediaError, NoSuchStream, UnsupportedFormat


@dataclass(frozen=True)
class Findings:
    """What the caller of a preview is told of the video."""

    ending: Ending | None
    """How it ends, where that had to be known."""
    jumps: str | None
    """That its time stamps jump."""

    @property
    def data(self) -> dict[str, Any]:
        """As fields of a result."""
        cut = self.ending if self.ending is not None and not self.ending.whole else None
        notes = [note for note in (cut and cut.note, self.jumps) if note]
        data = {} if cut is None else truncation_data([cut])
        return data | ({"notes": notes} if notes else {})


@dataclass
class OpenVideo:
    """An open video. `width` and `height` are those of its upright frames with square pixels."""

    source: Source
    limits: Limits
    width: int
    height: int
    duration_s: float
    """As the header tells, or as far as the data go where that is known to be less."""
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
    clock: PacketClock
    origin: Fraction
    """The start of the video on the container's clock, in s."""
    ending: Ending | None = None
    """How the file ends, once anybody had to know."""
    tick: Callable[[], object] | None = None
    """Called for each packet that is decoded."""
    reopen: Callable[[], None] = lambda: None
    """Opens the file anew, without its index."""

    @property
    def name(self) -> str:
        """What its owner calls it."""
        return self.source.name

    def shown_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height (px), upright and with square pixels, of decoded frames of that size."""
        if (width, height) == self.coded_size:
            return self.width, self.height
        own = sane_aspect(self.stream.codec_context.sample_aspect_ratio)
        return upright_size(width, height, own, self.turn)

    def time_of(self, frame: av.VideoFrame) -> float:
        """When `frame` is shown, in s from the video's start."""
        at = decode.frame_time(frame)
        return 0.0 if at is None else float(at - self.origin)

    @property
    def found(self) -> Findings:
        """What was found wrong with the file so far."""
        return Findings(self.ending, self.clock.note)

    @property
    def header_holds(self) -> bool:
        """Whether the header, read alone, told size and shape of what has been decoded since."""
        own = self.stream.codec_context.sample_aspect_ratio
        told = self.stream.sample_aspect_ratio
        square = own.numerator == own.denominator or own.numerator <= 0
        shaped = _upright_size(self.stream) == (self.width, self.height)
        return shaped and (square or told.numerator > 0)

    def key_frame_at(
        self, time_s: float, worth: Callable[[Packet], bool] | None = None
    ) -> av.VideoFrame | None:
        """The last key frame at or before `time_s`; decodes one packet, not a group of pictures.

        None where none was found near: the caller then decodes (`shown_at`); or where the packet
        that was found is not `worth` it.
        """
        return self._searched(lambda: self._key_frame_at(self._at(time_s), worth))

    def _searched[T](self, search: Callable[[], T]) -> T:
        """What `search` gives, if need be without the index."""
        try:
            return search()
        except seeking.WrongIndex:
            self.reopen()
            return search()

    def _key_frame_at(
        self, at: Fraction, worth: Callable[[Packet], bool] | None
    ) -> av.VideoFrame | None:
        if not seeking.has_index(self.container):
            packet = last_key_packet(self.clock, self.stream, at)
            if packet is not None:
                if worth is not None and not worth(packet):
                    return None
                if (frame := self._alone(packet)) is not None:
                    return frame
        beginning = next(seeking.landings(self.clock, self.stream, at))
        with suppress(av.FFmpegError, OSError):
            for count, packet in enumerate(self.clock.read(self.stream)):
                if packet.size == 0 or count > MOST_PACKETS:
                    break
                if packet.is_keyframe:
                    if worth is not None and not worth(packet):
                        break
                    if (frame := self._alone(packet)) is not None:
                        late = seeking.is_late(decode.frame_time(frame), at)
                        return frame if beginning or not late else None
        return None

    def _alone(self, packet: av.Packet[av.VideoStream]) -> av.VideoFrame | None:
        """The frame of a key packet; draining gives it without reading the next group. None: it is
        damaged, or needs others, whatever the container says."""
        try:
            found = self.stream.decode(packet) or self.stream.decode(None)
        except av.error.InvalidDataError:
            found = []
        self.stream.codec_context.flush_buffers()
        return found[0] if found and decode.stands_alone(found[0]) else None

    def frames(self) -> Iterator[av.VideoFrame]:
        """All frames in order, as they are decoded; damaged packets are skipped."""
        for packet in decode.packets(self.clock, self.stream):
            yield from decode.decoded(packet)

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
        """`count` frames from `start_s` on at `fps` a second; short videos repeat their last, but
        not behind the end of what is there."""
        times_s = ticks(start_s, fps, count)
        return on_show(self._frames_from(start_s), times_s, over=self._is_over)

    def _is_over(self, last_s: float, time_s: float) -> bool:
        """Whether nothing is there at `time_s`, when the last frame came at `last_s`."""
        return time_s - last_s > 2 / self.fps and time_s >= self.measure().available_s

    def measure(self) -> Ending:
        """How the video ends, by its data: all its packets are read for that, once."""
        if self.ending is None:
            self.ending = survey(self.source, self.limits, tick=self.tick)
            # What no header has told was guessed.
            if not self.ending.whole or self.ending.expected_s is None:
                self.duration_s = min(self.duration_s, self.ending.available_s)
        return self.ending

    def packets_behind(self, time_s: float, count: int) -> Iterator[Packet]:
        """The `count` packets that follow the one at or before `time_s` from which on it can be
        decoded; none is."""
        return self._searched(lambda: self._packets_behind(self._at(time_s), count))

    def _packets_behind(self, at: Fraction, count: int) -> Iterator[Packet]:
        next(seeking.landings(self.clock, self.stream, at))
        return islice(decode.packets(self.clock, self.stream), 1, count + 1)

    def frames_from(self, time_s: float) -> Iterator[av.VideoFrame]:
        """The frames from the key frame before `time_s` on, in order."""
        return (frame for _, frame in self._frames_from(time_s))

    def _frames_from(self, time_s: float) -> Iterator[tuple[float, av.VideoFrame]]:
        """(time in s, frame) from the key frame before `time_s` on: what is on show then may have
        begun before it."""
        found = self._searched(lambda: self._found_from(self._at(time_s)))
        for number, frame in enumerate(found):
            if decode.frame_time(frame) is None:
                # Elementary streams tell no times, and are read from their beginning.
                frame.pts, frame.time_base = number, 1 / Fraction(self.fps)
            yield self.time_of(frame), frame

    def _found_from(self, at: Fraction) -> Iterator[av.VideoFrame]:
        found = seeking.frames_from(self.clock, self.stream, at, tick=self.tick)
        first = next(found, None)
        return iter(()) if first is None else chain([first], found)

    def refuse_behind_end(self, field: str, time_s: float) -> None:
        """Raises `MediaError` when `time_s` lies behind the end of the video, if that is known, and
        `TruncatedMedia` when it lies in a part that is cut off."""
        if self.ending is not None:
            self.ending.refuse_behind(field, time_s)
        if 0 < self.duration_s < time_s:
            raise MediaError(
                f"{self.name!r} is {self.duration_s:.3f} s long; {field} {time_s:g} s lies behind "
                "its end",
                details={field: time_s, "duration_s": self.duration_s},
            )

    def _at(self, time_s: float) -> Fraction:
        """That time on the input's clock."""
        return self.origin + Fraction(max(0.0, time_s))


@contextmanager
def open_video(
    source: Source,
    limits: Limits,
    threads: int = 1,
    *,
    still: bool = False,
    header_only: bool = False,
    tick: Callable[[], object] | None = None,
) -> Iterator[OpenVideo]:
    """The video in `source`; with `still`, a photo (HEIC) counts as a video of no duration.

    `header_only` as for `open_input`; once something is decoded, ask `header_holds`. `tick` is
    called for each packet that is read for frames. A file that is cut off short is a video of what
    is there of it, without `header_only`.
    Raises `MediaError` where a header alone does not suffice, `NoSuchStream` for audio, or a still
    image, alone, `UnsupportedFormat` for photos made of tiles, and what `open_input` raises.
    """
    with ExitStack() as stack:
        opened = open_input(source, limits, header_only=header_only)
        container = stack.enter_context(opened)
        several = len(container.streams.video) > 1 and not header_only
        vacant = vacant_streams(source, container, limits, tick=tick) if several else frozenset()
        stream = decode.require_video(container, source.name, vacant)
        if any(s.disposition & Disposition.dependent for s in container.streams.video):
            # FFmpeg hands out single tiles; the first one would pass for the whole photo.
            raise UnsupportedFormat(
                f"{source.name!r} is a photo made of tiles; these are not taken"
            )
        if header_only and not _told_by_header(container, stream):
            raise MediaError(f"the header of {source.name!r} does not tell its size, or its start")
        stream.thread_type, stream.thread_count = "AUTO", threads
        width, height = _upright_size(stream)
        clock = PacketClock(container)
        clock.survey(tick)
        video = OpenVideo(
            source=source,
            limits=limits,
            width=width,
            height=height,
            duration_s=_duration_s(clock, stream, source, limits, still=still),
            fps=frame_rate(stream) or 25.0,
            coded_size=(stream.width, stream.height),
            part=clean_part(stream),
            turn=orientation(stream),
            behind=WHITE if source.sniffed.image else BLACK,
            container=container,
            stream=stream,
            clock=clock,
            origin=decode.origin_s(container),
            tick=tick,
        )

        def reopen() -> None:
            again = open_input(source, limits, ignore_index=True)
            video.container = stack.enter_context(again)
            video.clock = PacketClock(video.container)
            video.stream = video.container.streams.video[stream_number]
            video.stream.thread_type, video.stream.thread_count = "AUTO", threads

        stream_number = container.streams.video.index(stream)
        video.reopen = reopen
        if not header_only and expectation(source, container).points_behind:
            video.measure()
        yield video


def _told_by_header(container: InputContainer, stream: av.VideoStream) -> bool:
    # Matroska has no start; FFmpeg's guess without a decoder is right only where it is 0.
    begins = container.start_time == 0 or "matroska" not in container.format.name
    return begins and min(stream.width, stream.height) > 0


def _upright_size(stream: av.VideoStream) -> tuple[int, int]:
    return upright_size(*shown_part(stream), pixel_aspect(stream), orientation(stream))


def _duration_s(
    clock: PacketClock,
    stream: av.VideoStream,
    source: Source,
    limits: Limits,
    *,
    still: bool,
) -> float:
    if (length := decode.whole_s(clock)) is not None:
        return float(length)
    if not source.sniffed.image:
        return _covered_s(clock, stream)
    found = probe_media(source, limits)
    if found.kind == "image" and not still:
        raise NoSuchStream(f"{source.name!r} is a still image, not a video")
    return found.duration_s or 0.0


def _covered_s(clock: PacketClock, stream: av.VideoStream) -> float:
    """The time that the video's packets cover, for containers that don't tell."""
    first, last, count = 0, 0, 0
    for count, packet in enumerate(decode.packets(clock, stream)):
        at = packet.dts if packet.pts is None else packet.pts
        if packet.size and at is not None:
            first = min(first, at) if count else at
            last = max(last, at + (packet.duration or 0))
    covered = float(decode.seconds(last - first, stream.time_base) or 0)
    return covered or count / (frame_rate(stream) or 25.0)
