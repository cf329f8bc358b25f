"""One input of a transcode, opened, with the streams that are used of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import av
from av.container import InputContainer

from actors.media.codec import decode, frame_conversion
from actors.media.codec.geometry import Orientation, Rect, upright_size
from actors.media.codec.image_headers import file_orientation
from actors.media.codec.probe import pixel_aspect, sane_aspect
from actors.media.codec.source import open_input
from actors.media.operation import Limits, Source
from actors.media.transcode.demux import Demuxer, Extent
from actors.media.transcode.settings import AudioSettings, TranscodeSettings
from cluster.errors import CorruptMedia, MediaError

_INDEXED = ("mov", "matroska", "wav", "flac", "avi")
"""Demuxers whose headers tell the true length."""


@dataclass
class Clip:
    """An open input. `start` and `end` are on the container's own clock, in s."""

    name: str
    container: InputContainer
    video: av.VideoStream | None
    audio: list[av.AudioStream]
    demuxer: Demuxer
    """What is in it, from `start` on or from a key frame before that."""
    start: Fraction
    end: Fraction | None
    length: Fraction | None
    """Of the part that is used; None: unknown."""
    first: av.VideoFrame | None = None
    """The first frame, for what only a decoded frame tells."""
    notes: list[str] = field(default_factory=list)
    shift: Fraction = Fraction(0)
    """Time on the container's clock that is time 0 of the output."""
    origin: Fraction = Fraction(0)
    """The container's first time stamp."""
    reached: Fraction = Fraction(0)
    """How far, on the container's clock, its packets went."""
    heard: Fraction = Fraction(0)
    """How far its audio went."""
    packets: int = 0
    """Packets of the video."""
    # What follows is read from the decoder before any thread runs it: PyAV lets nobody look at a
    # decoder while another thread is decoding with it.
    behind: str = frame_conversion.BLACK
    """What shows through clear pixels."""
    turn: Orientation = field(default_factory=Orientation)
    """How the video is turned for display."""
    upright_size: tuple[int, int] = (0, 0)
    """Width and height in px of the upright frame with square pixels."""
    coded_size: tuple[int, int] = (0, 0)
    """Of the first frame."""
    part: Rect | None = None
    """What is shown of frames of that size; None: all."""
    shapes: dict[tuple[int, int], Fraction] = field(default_factory=dict)
    """The sizes of the decoded frames, in their order, and the shapes of their pixels."""
    rate: Fraction = Fraction(30)
    """Frames a second, as far as anybody can say."""

    def note_size(self, frame: av.VideoFrame) -> None:
        """Take down the size of a frame; for the thread that decodes."""
        size = frame.width, frame.height
        if size not in self.shapes and self.video is not None:
            own = self.video.codec_context.sample_aspect_ratio
            known = size == self.coded_size
            self.shapes[size] = pixel_aspect(self.video) if known else sane_aspect(own)

    def shown_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height (px), upright and with square pixels, of frames of that size."""
        if (width, height) in (self.coded_size, self.part_size):
            return self.upright_size
        return upright_size(width, height, self.shapes.get((width, height), Fraction(1)), self.turn)

    @property
    def part_size(self) -> tuple[int, int]:
        """Of what is shown of the first frame, as coded."""
        return self.coded_size if self.part is None else (self.part.width, self.part.height)

    def settle(self, video: Extent | None, audio: Iterable[Extent]) -> None:
        """Take down how far its streams have gone."""
        ends = [end for extent in audio if (end := extent.end_s) is not None]
        self.heard = max([self.heard, *ends])
        # The header's length is that of the longest stream, also if nobody wants that one.
        others = [
            end for extent in self.demuxer.unused.values() if (end := extent.end_s) is not None
        ]
        self.reached = max([self.reached, *ends, *others])
        if video is not None:
            self.packets = video.packets
            self.reached = max(self.reached, video.end_s or self.reached)

    def check_whole(self) -> None:
        """Raises `CorruptMedia` if the file ends well before the point that its header tells."""
        if self.end is not None or self.container.format.name.split(",")[0] not in _INDEXED:
            return
        if self.video is not None and self.video.frames > 10 and self.start == self.origin:
            there, told = self.packets, self.video.frames
            if there < told * 0.9:
                raise CorruptMedia(
                    f"{self.name!r} is cut off: {there} of {told} frames are there",
                    details={"packets": there, "frames": told},
                )
        duration = Fraction(self.container.duration or 0, av.time_base)
        missing = self.origin + duration - self.reached
        if missing > 1 and missing > duration / 10:
            raise CorruptMedia(
                f"{self.name!r} is cut off: {float(missing):.1f} of {float(duration):.1f} s "
                "are missing at its end",
                details={"missing_s": float(missing), "duration_s": float(duration)},
            )


def _describe(clip: Clip, source: Source) -> None:
    video, first = clip.video, clip.first
    if video is None or first is None:
        return
    if source.sniffed.image:
        clip.behind = frame_conversion.WHITE
        clip.turn = file_orientation(source.path, source.sniffed, source.name)
    else:
        clip.turn = frame_conversion.orientation(video, first)
    clip.coded_size = first.width, first.height
    clip.part = frame_conversion.clean_part(video)
    clip.upright_size = upright_size(*clip.part_size, pixel_aspect(video), clip.turn)
    clip.note_size(first)
    for rate in (video.average_rate, video.guessed_rate):
        if rate.denominator and 0 < Fraction(rate.numerator, rate.denominator) <= 240:
            clip.rate = Fraction(rate.numerator, rate.denominator)
            return


@contextmanager
def open_clip(
    source: Source,
    settings: TranscodeSettings,
    limits: Limits,
    threads: int,
    *,
    alone: bool = False,
) -> Iterator[Clip]:
    """The input with the streams that `settings` wants, at the beginning of the wanted part.

    `alone`: no other clip is open, so its decoder may hold frames from now on. Raises
    `NoSuchStream` or `UnsupportedCodec` where a wanted stream is missing, and `MediaError` if the
    wanted part begins behind the end.
    """
    first = None
    # A sole input that is read from its beginning gives its first frame in passing.
    if settings.video is not None and not (alone and not settings.start_s):
        first = decode.first_frame(source, limits)
    with open_input(source, limits) as container:
        video = decode.require_video(container, source.name) if settings.video else None
        if video is not None:
            video.thread_type, video.thread_count = "AUTO", threads
        notes: list[str] = []
        audio = _tracks(container, source.name, settings, notes)
        if settings.video is not None and (texts := len(container.streams.subtitles)):
            notes.append(f"{texts} track(s) of subtitles were left out")
        origin = decode.origin_s(container)
        start = origin + Fraction(settings.start_s)
        end = None if settings.end_s is None else origin + Fraction(settings.end_s)
        length = _length(container, settings, source.name)
        used = [stream for stream in (video, *audio) if stream is not None]
        if start > origin:
            decode.seek(container, used[0], start)
        clip = Clip(
            name=source.name,
            container=container,
            video=video,
            audio=audio,
            demuxer=Demuxer(container, video, used),
            first=first,
            start=start,
            end=end,
            length=length,
            notes=notes,
            shift=start,
            origin=origin,
            reached=origin,
            heard=start,
        )
        if video is not None and first is None:
            first = clip.demuxer.first_frame()
            clip.first = first or decode.first_frame(source, limits)
        _describe(clip, source)
        yield clip


def _tracks(
    container: InputContainer, name: str, settings: TranscodeSettings, notes: list[str]
) -> list[av.AudioStream]:
    wanted: AudioSettings | None = settings.audio
    if wanted is None:
        return []
    if isinstance(wanted.track, int):
        return [decode.require_audio(container, name, wanted.track)]
    if settings.video is None and wanted.track is None:
        return [decode.require_audio(container, name)]
    if wanted.track == "all":
        tracks = [s for s in container.streams.audio if decode.has_decoder(s)]
        return tracks or ([] if settings.video else [decode.require_audio(container, name)])
    best = decode.best_audio(container)
    if best is None and container.streams.audio:
        notes.append("the audio was left out: there is no decoder for it")
    return [best] if best is not None else []


def _length(container: InputContainer, settings: TranscodeSettings, name: str) -> Fraction | None:
    start = Fraction(settings.start_s)
    end = None if settings.end_s is None else Fraction(settings.end_s)
    if not container.duration or container.duration < 0:
        return None if end is None else end - start
    whole = Fraction(container.duration, av.time_base)
    if start and start >= whole:
        raise MediaError(
            f"{name!r} is {float(whole):.3f} s long; start {settings.start_s:g} lies behind that",
            details={"start": settings.start_s, "duration_s": float(whole)},
        )
    return (whole if end is None else min(whole, end)) - start
