"""The pipeline of a transcode: one pass over the inputs, a thread a stage, everything bounded.

read (demux, decode) -> scale (deinterlace, scale, turn) -> encode -> write, and a thread for each
audio track. The stages overlap as those of the ffmpeg command do, since PyAV lets go of the
interpreter's lock in each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import batched
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import OutputContainer

from reelyard.actors.media.codec.errors import media_errors
from reelyard.actors.media.codec.frame_conversion import output_tags
from reelyard.actors.media.operation import Limits, Progress, Source
from reelyard.actors.media.transcode.audio_track import AudioTrack
from reelyard.actors.media.transcode.clip import Clip, open_clip
from reelyard.actors.media.transcode.covers import CoverWriter
from reelyard.actors.media.transcode.demux import Packet
from reelyard.actors.media.transcode.frame_clock import FrameClock, Stamped
from reelyard.actors.media.transcode.output_limits import OutputLimits
from reelyard.actors.media.transcode.output_streams import (
    add_audio,
    add_video,
    copy_chapters,
    copy_tags,
    label_track,
)
from reelyard.actors.media.transcode.packet_durations import PacketDurations
from reelyard.actors.media.transcode.reader import AudioItem, Reader
from reelyard.actors.media.transcode.scaling import ClipScaler, plan_layout
from reelyard.actors.media.transcode.settings import AudioSettings, TranscodeSettings, VideoSettings
from reelyard.actors.media.transcode.threads import BoundedQueue, ThreadPipeline
from reelyard.actors.media.truncation.policy import Ending
from reelyard.cluster.errors import CorruptMedia, MediaError, NoSuchStream

_BATCH = 32
"""Packets of audio that are handed to the writer together."""
_READ_SHARE = 0.98
"""How far a transcode is when its inputs have been read."""


@dataclass
class TranscodeReport:
    """What was done: counts of frames, and remarks for the caller."""

    decoded: int = 0
    corrupt: int = 0
    bad_packets: int = 0
    encoded: int = 0
    dropped: int = 0
    width: int | None = None
    height: int | None = None
    duration_s: float = 0.0
    """Of the output, as laid out."""
    audio_tracks: int = 0
    notes: list[str] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    """How the inputs ended."""


def transcode(
    sources: Sequence[Source],
    target: Path,
    settings: TranscodeSettings,
    *,
    threads: int = 1,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> TranscodeReport:
    """Write `sources`, one after the other, to the file `target` as `settings` says.

    On any failure `target` is removed. Raises `MediaError`s of reading (named after the source;
    `TruncatedMedia` for one that is cut off, unless `settings.partial`) and of writing,
    `LimitExceeded`, and `Cancelled` within about 0.2 s of the request.
    """
    limits, progress = limits or Limits(), progress or Progress()
    try:
        with ExitStack() as stack:
            clips = [
                stack.enter_context(
                    open_clip(
                        source,
                        settings,
                        limits,
                        threads,
                        alone=len(sources) == 1,
                        tick=progress,
                    )
                )
                for source in sources
            ]
            return _Run(clips, target, settings, max(1, threads), limits, progress).run()
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class _Run:
    """One transcode under way."""

    def __init__(
        self,
        clips: list[Clip],
        target: Path,
        settings: TranscodeSettings,
        threads: int,
        limits: Limits,
        progress: Progress,
    ) -> None:
        self.clips = clips
        self.target = target
        self.settings = settings
        self.threads = threads
        self.limits = limits
        self.progress = progress
        self.stages = ThreadPipeline(progress.cancelled)
        self.decoded: BoundedQueue[tuple[Clip, av.VideoFrame] | None] = BoundedQueue(4)
        self.scaled: BoundedQueue[Stamped | None] = BoundedQueue(4)
        self.audio_queues: list[BoundedQueue[AudioItem | None]] = []
        self.packets: BoundedQueue[Sequence[Packet] | None] = BoundedQueue(64)
        self.reader = Reader(clips)
        self.report = TranscodeReport()
        self.bad_audio_packets = 0
        self.tracks: list[AudioTrack] = []
        self.covers: CoverWriter

    def run(self) -> TranscodeReport:
        """Do it all."""
        container = self.settings.container
        options = dict(container.options)
        with (
            media_errors(self.target.name, writing=True),
            av.open(str(self.target), "w", format=container.muxer, options=options) as out,
        ):
            open_streams = self._prepare(out)
            self.stages.run(partial(self._write, out, open_streams))
            self.progress("package")
        self._check()
        return self.report

    def _prepare(self, out: OutputContainer) -> int:
        """Add the streams, open the encoders, write the header, line up the threads; returns the
        number of streams."""
        self.covers = CoverWriter(out, self.clips[0].covers)
        self.report.notes += copy_tags(self.clips[0], out)
        if len(self.clips) == 1:
            self.report.notes += copy_chapters(self.clips[0], out)
        if self.settings.video is not None:
            self._prepare_video(out, self.settings.video)
        if self.settings.audio is not None:
            self._prepare_audio(out, self.settings.audio)
        if not out.streams:
            raise NoSuchStream(f"{self.clips[0].name!r} has nothing that this output could hold")
        count = len(out.streams)
        self.report.notes += self.covers.add()
        out.start_encoding()
        self.covers.write()
        self.stages.add(self._read)
        return count

    def _prepare_video(self, out: OutputContainer, video: VideoSettings) -> None:
        first, *others = self.clips
        layout = plan_layout(first.name, first.upright_size, video, self.limits, None)
        canvas = (layout.width, layout.height)
        for other in others:
            plan_layout(other.name, other.upright_size, video, self.limits, canvas)
        stream = add_video(out, video, self.clips, layout, self.threads)
        assert first.video is not None
        self.report.notes += label_track(out, stream, first.video)
        base = stream.codec_context.time_base
        clock = FrameClock(Fraction(base.numerator, base.denominator), video.fps, self.limits)
        self.report.width, self.report.height = canvas
        self.stages.add(partial(self._scale, clock, video, canvas))
        self.stages.add(partial(self._encode, stream, clock.base))

    def _prepare_audio(self, out: OutputContainer, audio: AudioSettings) -> None:
        length = None
        if self.settings.end_s is not None:
            length = Fraction(self.settings.end_s) - Fraction(self.settings.start_s)
        for number in range(max(len(clip.audio) for clip in self.clips)):
            source = next(clip.audio[number] for clip in self.clips if len(clip.audio) > number)
            stream = add_audio(out, audio, source, self.settings.format)
            self.report.notes += label_track(out, stream, source)
            given, kept = source.codec_context.channels, stream.codec_context.channels
            if audio.channels is None and kept < given:
                self.report.notes.append(f"{given} channels of audio were mixed to {kept}")
            track = AudioTrack(stream, length)
            items: BoundedQueue[AudioItem | None] = BoundedQueue(16)
            self.audio_queues.append(items)
            self.tracks.append(track)
            self.stages.add(partial(self._encode_audio, items, track))
        self.report.audio_tracks = len(self.audio_queues)

    def _on_frame(self, clip: Clip, frame: av.VideoFrame) -> None:
        self.stages.put(self.decoded, (clip, frame))

    def _on_audio(self, number: int, item: AudioItem) -> None:
        self.stages.put(self.audio_queues[number], item)

    # Each of these is the life of one thread.

    def _read(self) -> None:
        self.reader.read(self._on_frame, self._on_audio)
        if self.settings.video is not None:
            self.stages.put(self.decoded, None)
        for items in self.audio_queues:
            self.stages.put(items, None)

    def _scale(self, clock: FrameClock, video: VideoSettings, canvas: tuple[int, int]) -> None:
        scaler: ClipScaler | None = None
        first = self.clips[0].first
        space = None if first is None else output_tags(first)[0]
        while (item := self.stages.get(self.decoded)) is not None:
            clip, frame = item
            with media_errors(clip.name):
                if scaler is None or scaler.clip is not clip:
                    self._advance(clock, scaler, None)
                    bound = None if clip is self.clips[0] else canvas
                    scaler = ClipScaler(clip, video, bound, space, self.limits, self.threads)
                self._advance(clock, scaler, frame)
        self._advance(clock, scaler, None)
        for stamped in clock.finish(self.reader.video_end):
            self.stages.put(self.scaled, stamped)
        self.report.dropped = clock.dropped
        self.stages.put(self.scaled, None)

    def _advance(
        self, clock: FrameClock, scaler: ClipScaler | None, frame: av.VideoFrame | None
    ) -> None:
        if scaler is None:
            return
        for whole in scaler.progressive(frame):
            for stamped in clock.feed(scaler, whole):
                self.stages.put(self.scaled, stamped)

    def _encode(self, stream: av.VideoStream, base: Fraction) -> None:
        durations = PacketDurations(stored_order=self.settings.format in ("mp4", "mov"))
        with media_errors(self.target.name, writing=True):
            while (item := self.stages.get(self.scaled)) is not None:
                frame, pts, duration = item
                frame.time_base, frame.pts, frame.duration = base, pts, duration
                self.report.encoded += 1
                self.progress()
                durations.note(pts, duration)
                self._emit([*durations.settle(stream.encode(frame))])
            # Step by step, so that a cancel does not wait for the whole look-ahead.
            for packet in stream.encode_lazy(None):
                packet.stream = stream
                self._emit([*durations.settle([packet])])
            self._emit([*durations.finish()])
        self.stages.put(self.packets, None)

    def _encode_audio(self, items: BoundedQueue[AudioItem | None], track: AudioTrack) -> None:
        with media_errors(self.target.name, writing=True):
            while (item := self.stages.get(items)) is not None:
                for packets in batched(self._audio_packets(item, track), _BATCH):
                    self._emit(packets)
            # A clip without audio in a row of clips is silent, the last one too; and so is a part
            # in which there is none: players and the muxers of MP4 drop a track without samples.
            silent = len(self.clips) > 1 or (not track.heard and self.settings.video is not None)
            end = self.reader.end if silent else None
            for packets in batched(track.finish(end), _BATCH):
                self._emit(packets)
        self.stages.put(self.packets, None)

    def _audio_packets(self, item: AudioItem, track: AudioTrack) -> Iterator[Packet]:
        if isinstance(item, Clip):
            yield from track.restart(item.shift, snug=item.is_audio_from_its_start)
            return
        clip, encoded = item
        for packet in encoded:
            if track.line.full:
                return
            for frame in self._decode_audio(clip, packet):
                yield from track.feed(frame)

    def _decode_audio(self, clip: Clip, packet: Packet) -> list[av.AudioFrame]:
        with media_errors(clip.name):
            try:
                frames: list[Any] = packet.decode()
            except av.error.InvalidDataError:
                self.bad_audio_packets += 1
                return []
        return frames

    def _emit(self, packets: Sequence[Packet]) -> None:
        if packets:
            self.stages.put(self.packets, packets)

    def _write(self, out: OutputContainer, open_streams: int) -> None:
        lengths = [clip.length for clip in self.clips]
        known = [length for length in lengths if length is not None]
        told = known == lengths
        self.progress("encode", total_s=float(sum(known)) if told else None)
        output = OutputLimits(self.limits)
        while open_streams:
            packets = self.stages.get(self.packets)
            if packets is None:
                open_streams -= 1
                continue
            for packet in packets:
                output.count(packet)
                out.mux(packet)
            # Where no header tells the length, the bytes that were read stand for it.
            share = None if told else _READ_SHARE * self.reader.share
            self.progress("encode", done_s=output.reached_s, fraction=share)

    def _check(self) -> None:
        report, reader, name = self.report, self.reader, self.clips[0].name
        report.decoded, report.corrupt = reader.decoded, reader.corrupt
        report.bad_packets = reader.bad_packets + self.bad_audio_packets
        report.notes[:0] = [note for clip in self.clips for note in clip.notes]
        report.endings = [clip.ending for clip in self.clips if clip.ending is not None]
        heard = max((track.seconds for track in self.tracks), default=Fraction(0))
        report.duration_s = float(max(heard, reader.video_end))
        if self.tracks and not any(track.heard for track in self.tracks):
            if self.settings.video is None:
                if self.settings.is_part and not self.bad_audio_packets:
                    raise MediaError(f"{name!r}: there is no audio in the wanted part")
                raise CorruptMedia(f"{name!r}: no audio could be decoded in the wanted part")
            report.notes.append("no audio could be decoded in the wanted part: it is silent")
        for clip in self.clips:
            if clip.clock.note is not None:
                report.notes.append(f"{clip.name!r}: {clip.clock.note}")
        if self.settings.video is not None:
            if not report.encoded:
                raise CorruptMedia(f"{name!r}: no frame could be decoded in the wanted part")
            if report.corrupt == report.decoded:
                raise CorruptMedia(f"{name!r}: all its frames are damaged")
        for clip in self.clips:
            if self.settings.video is not None and len(clip.shapes) > 1:
                sizes = ", ".join(f"{width} x {height}" for width, height in clip.shapes)
                report.notes.append(
                    f"the pictures of {clip.name!r} change their size ({sizes}); all were fitted "
                    f"into {report.width} x {report.height}"
                )
        if report.corrupt or report.bad_packets:
            report.notes.append(
                f"the input is damaged: {report.corrupt} frame(s) and "
                f"{report.bad_packets} packet(s) of it could not be read whole"
            )
