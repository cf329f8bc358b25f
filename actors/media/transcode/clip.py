"""One input of a transcode, opened, with the streams that are used of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

import av
from av.container import Flags, InputContainer

from reelyard.actors.media.codec import decode, frame_conversion
from reelyard.actors.media.codec.geometry import Orientation, Rect, upright_size
from reelyard.actors.media.codec.headers.image_headers import file_orientation
from reelyard.actors.media.codec.probe import pixel_aspect, sane_aspect
from reelyard.actors.media.codec.source import check_duration, open_input
from reelyard.actors.media.codec.timing import seeking
from reelyard.actors.media.codec.timing.ending import Expectation, expectation, survey
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.codec.timing.stream_span import StreamSpan
from reelyard.actors.media.codec.timing.vacant_streams import left_out, vacant_streams
from reelyard.actors.media.operation import Limits, Source
from reelyard.actors.media.transcode.covers import Cover, read_covers
from reelyard.actors.media.transcode.demux import Demuxer
from reelyard.actors.media.transcode.settings import AudioSettings, TranscodeSettings
from reelyard.actors.media.truncation.policy import Ending
from reelyard.cluster.errors import MediaError

_REORDERED = frozenset({"h264", "hevc", "vvc"})
"""Codecs whose decoders give out frames in another order than FFmpeg reckons with."""
_GENERATE_PTS = cast("int", Flags.gen_pts.value)


@dataclass
class Clip:
    """An open input. `start` and `end` are on the container's own clock, in s."""

    name: str
    container: InputContainer
    video: av.VideoStream | None
    audio: list[av.AudioStream]
    clock: PacketClock
    demuxer: Demuxer
    """What is in it, from `start` on or from a key frame before that."""
    start: Fraction
    end: Fraction | None
    length: Fraction | None
    """Of the part that is used; None: unknown."""
    first: av.VideoFrame | None = None
    """The first frame, for what only a decoded frame tells."""
    notes: list[str] = field(default_factory=list)
    covers: list[Cover] = field(default_factory=list)
    shift: Fraction = Fraction(0)
    """Time on the container's clock that is time 0 of the output."""
    origin: Fraction = Fraction(0)
    """The container's first time stamp."""
    heard: Fraction = Fraction(0)
    """How far its audio went."""
    told: Expectation | None = None
    """What the header says of its end."""
    partial: bool = False
    """What is there is taken where it is cut off."""
    ending: Ending | None = None
    """How it ends, once it was read."""
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

    @property
    def is_audio_from_its_start(self) -> bool:
        """Whether it is a recording of one audio track, read from its beginning: nothing else that
        the audio would have to keep time with."""
        alone = all(decode.is_cover(stream) for stream in self.container.streams.video)
        return alone and len(self.audio) == 1 and self.start == self.origin

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

    def settle(self, audio: Iterable[StreamSpan]) -> None:
        """Take down how far its streams have gone. Raises `TruncatedMedia` for a clip that is cut
        off in the wanted part, unless it is to be taken so."""
        ends = [end for span in audio if (end := span.end_s) is not None]
        self.heard = max([self.heard, *ends])
        if self.told is None:
            return
        self.ending = self.told.ending(
            self.demuxer.reach,
            wanted_s=None if self.end is None else float(self.end - self.origin),
        )
        if self.start > self.origin:
            self.ending.refuse_behind("start", float(self.start - self.origin))
        self.ending.refuse_unless(self.partial)
        if not self.ending.whole:
            self.notes.append(self.ending.note)


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
    tick: Callable[[], object] | None = None,
) -> Iterator[Clip]:
    """The input with the streams that `settings` wants, at the beginning of the wanted part.

    `alone`: no other clip is open, so its decoder may hold frames from now on. `tick` is called for
    each packet that is read beforehand. Raises `NoSuchStream` or `UnsupportedCodec` where a wanted
    stream is missing, `MediaError` if the wanted part begins behind the end, `TruncatedMedia` if it
    is known already that it is cut off, and `LimitExceeded` for a part longer than allowed.
    """
    first = None
    # A sole input that is read from its beginning gives its first frame in passing.
    if settings.video is not None and not (alone and not settings.start_s):
        first = decode.first_frame(source, limits)
    with ExitStack() as stack:
        container = stack.enter_context(open_input(source, limits))
        vacant = vacant_streams(source, container, limits, tick=tick)
        notes = left_out(source, container, vacant)
        clock = PacketClock(container)
        clock.survey(tick)
        origin = decode.origin_s(container)
        start = origin + Fraction(settings.start_s)
        length = _length(clock, settings, source.name, limits)
        told = expectation(source, container)
        notes += told.notes
        if told.points_behind and not settings.partial:
            # Better said now than when hours were encoded.
            survey(source, limits, until_s=settings.end_s, tick=tick).refuse_unless(partial=False)
        used = _streams(container, source.name, settings, notes, vacant, threads)
        try:
            demuxer = _landed(clock, used, start, origin)
        except seeking.WrongIndex:
            container = stack.enter_context(open_input(source, limits, ignore_index=True))
            clock = PacketClock(container)
            used = _streams(container, source.name, settings, [], vacant, threads)
            demuxer = _landed(clock, used, start, origin)
        notes += _passed_over(container, used, settings, vacant)
        clip = Clip(
            name=source.name,
            container=container,
            video=used[0],
            audio=used[1],
            clock=clock,
            demuxer=demuxer,
            first=first,
            start=start,
            end=None if settings.end_s is None else origin + Fraction(settings.end_s),
            length=length,
            notes=notes,
            covers=read_covers(source, container, limits),
            shift=start,
            origin=origin,
            heard=start,
            told=told,
            partial=settings.partial,
        )
        if clip.video is not None and first is None:
            first = clip.demuxer.first_frame()
            clip.first = first or decode.first_frame(source, limits)
        _describe(clip, source)
        yield clip


type _Used = tuple[av.VideoStream | None, list[av.AudioStream]]


def _streams(
    container: InputContainer,
    name: str,
    settings: TranscodeSettings,
    notes: list[str],
    vacant: frozenset[int],
    threads: int,
) -> _Used:
    """The streams that `settings` wants; `notes` gets remarks."""
    video = decode.require_video(container, name, vacant) if settings.video else None
    if video is not None:
        video.thread_type, video.thread_count = "AUTO", threads
        if video.codec_context.codec.canonical_name in _REORDERED:
            # PyAV lets FFmpeg guess missing time stamps, which goes wrong for these (in AVI).
            container.flags &= ~_GENERATE_PTS
    return video, _tracks(container, name, settings, notes, vacant)


def _passed_over(
    container: InputContainer, used: _Used, settings: TranscodeSettings, vacant: frozenset[int]
) -> list[str]:
    """Remarks on the tracks that could have been wanted."""
    audio = settings.audio
    rest = [s for s in container.streams if s.index not in vacant and s not in (used[0], *used[1])]
    counts = Counter(s.type for s in rest if s.type != "video" or not decode.is_cover(s))
    notes: list[str] = []
    if counts["audio"] and audio is not None and audio.track is None and used[1]:
        choice = "audio_track" if settings.video is None else "audio_track=all"
        notes.append(f"{counts['audio']} other track(s) of audio were left out; see {choice}")
    if settings.video is None:
        return notes
    tags = {} if used[0] is None else used[0].metadata
    if any(key.lower() == "alpha_mode" and tags[key] == "1" for key in tags):
        # VP8 and VP9 keep it in a second picture, which FFmpeg's own decoders pass over.
        notes.append("the transparency of the video was left out")
    if counts["video"]:
        notes.append(f"{counts['video']} other track(s) of video were left out")
    if counts["subtitle"]:
        notes.append(f"{counts['subtitle']} track(s) of subtitles were left out")
    if counts["attachment"]:
        notes.append(f"{counts['attachment']} attached file(s) were left out")
    # QuickTime keeps chapters in such a track too.
    if counts["data"] > bool(container.chapters()):
        notes.append(f"{counts['data']} track(s) of data were left out")
    return notes


def _landed(clock: PacketClock, used: _Used, start: Fraction, origin: Fraction) -> Demuxer:
    """What is in the input from `start` on, or from a place before it where the streams can be
    decoded from: in the end, from the beginning."""
    video, audio = used
    streams = [stream for stream in (video, *audio) if stream is not None]
    if start <= origin:
        return Demuxer(clock, video, streams, origin)
    for beginning in seeking.landings(clock, streams[0], start):
        demuxer = Demuxer(clock, video, streams, origin)
        with suppress(av.FFmpegError, OSError):
            if beginning or demuxer.lands(start):
                break
    return demuxer


def _tracks(
    container: InputContainer,
    name: str,
    settings: TranscodeSettings,
    notes: list[str],
    vacant: frozenset[int],
) -> list[av.AudioStream]:
    wanted: AudioSettings | None = settings.audio
    if wanted is None:
        return []
    if isinstance(wanted.track, int):
        return [decode.require_audio(container, name, wanted.track, vacant)]
    if settings.video is None and wanted.track is None:
        return [decode.require_audio(container, name, vacant=vacant)]
    if wanted.track == "all":
        tracks = [
            s for s in container.streams.audio if decode.has_decoder(s) and s.index not in vacant
        ]
        if tracks or settings.video:
            return tracks
        return [decode.require_audio(container, name, vacant=vacant)]
    best = decode.best_audio(container, vacant)
    if best is None and any(not decode.has_decoder(s) for s in container.streams.audio):
        notes.append("the audio was left out: there is no decoder for it")
    return [best] if best is not None else []


def _length(
    clock: PacketClock, settings: TranscodeSettings, name: str, limits: Limits
) -> Fraction | None:
    start = Fraction(settings.start_s)
    end = None if settings.end_s is None else Fraction(settings.end_s)
    whole = decode.whole_s(clock)
    if whole is None:
        return None if end is None else end - start
    if start and start >= whole:
        raise MediaError(
            f"{name!r} is {float(whole):.3f} s long; start {settings.start_s:g} lies behind that",
            details={"start": settings.start_s, "duration_s": float(whole)},
        )
    length = (whole if end is None else min(whole, end)) - start
    check_duration(float(length), limits, name)
    return length
