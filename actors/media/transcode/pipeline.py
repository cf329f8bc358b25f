"""Transcoding: one pass over the inputs, a thread for each stage, everything bounded.

read (demux, decode) -> shape (deinterlace, scale, turn) -> encode -> write, and a thread for each
sound track. The stages overlap as those of the ffmpeg command do, since PyAV lets go of the
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

from actors.media.codec.errors import media_errors
from actors.media.codec.frame_conversion import output_tags
from actors.media.codec.geometry import Layout
from actors.media.operation import Limits, Progress, Source
from actors.media.transcode.audio_track import SoundTrack
from actors.media.transcode.clip import Clip, open_clip
from actors.media.transcode.demux import Packet
from actors.media.transcode.output_limits import OutputMeter
from actors.media.transcode.output_streams import add_audio, add_video, copy_chapters, copy_tags
from actors.media.transcode.reader import Reader, SoundItem
from actors.media.transcode.settings import AudioSettings, Recipe, VideoSettings
from actors.media.transcode.shaper import ClipShaper, FrameClock, Stamped, plan_layout
from actors.media.transcode.threads import BoundedQueue, ThreadPipeline
from cluster.errors import CorruptMedia, NoSuchStream

_BATCH = 32
"""Packets of sound that are handed to the writer together."""


@dataclass
class Outcome:
    """What was done: counts of pictures, and remarks for the one who asked."""

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


def transcode(
    sources: Sequence[Source],
    target: Path,
    recipe: Recipe,
    *,
    threads: int = 1,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Write `sources`, one after the other, to the file `target` as `recipe` says.

    On any failure `target` is removed. Raises `MediaError`s of reading (named after the source)
    and of writing, `LimitExceeded`, and `Cancelled` within about 0.2 s of the request.
    """
    limits, progress = limits or Limits(), progress or Progress()
    try:
        with ExitStack() as stack:
            clips = [
                stack.enter_context(
                    open_clip(source, recipe, limits, threads, alone=len(sources) == 1)
                )
                for source in sources
            ]
            return _Run(clips, target, recipe, max(1, threads), limits, progress).run()
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class _Run:
    """One transcode under way."""

    def __init__(
        self,
        clips: list[Clip],
        target: Path,
        recipe: Recipe,
        threads: int,
        limits: Limits,
        progress: Progress,
    ) -> None:
        self.clips = clips
        self.target = target
        self.recipe = recipe
        self.threads = threads
        self.limits = limits
        self.progress = progress
        self.stages = ThreadPipeline(progress.cancelled)
        self.decoded: BoundedQueue[tuple[Clip, av.VideoFrame] | None] = BoundedQueue(4)
        self.shaped: BoundedQueue[Stamped | None] = BoundedQueue(4)
        self.sound: list[BoundedQueue[SoundItem | None]] = []
        self.packets: BoundedQueue[Sequence[Packet] | None] = BoundedQueue(64)
        self.reader = Reader(clips)
        self.outcome = Outcome(notes=[note for clip in clips for note in clip.notes])
        self.bad_sound_packets = 0
        self.tracks: list[SoundTrack] = []

    def run(self) -> Outcome:
        """Do it all."""
        container = self.recipe.container
        options = dict(container.options)
        with (
            media_errors(self.target.name, writing=True),
            av.open(str(self.target), "w", format=container.muxer, options=options) as out,
        ):
            open_streams = self._prepare(out)
            self.stages.run(partial(self._write, out, open_streams))
            self.progress("package")
        self._check()
        return self.outcome

    def _prepare(self, out: OutputContainer) -> int:
        """Add the streams, open the encoders, write the header, line up the threads; returns the
        number of streams."""
        copy_tags(self.clips[0], out)
        if len(self.clips) == 1:
            copy_chapters(self.clips[0], out)
        if self.recipe.video is not None:
            self._prepare_video(out, self.recipe.video)
        if self.recipe.audio is not None:
            self._prepare_audio(out, self.recipe.audio)
        if not out.streams:
            raise NoSuchStream(f"{self.clips[0].name!r} has nothing that this output could hold")
        out.start_encoding()
        self.stages.add(self._read)
        return len(out.streams)

    def _prepare_video(self, out: OutputContainer, video: VideoSettings) -> None:
        layout = plan_layout(self.clips[0], video, self.limits, None)
        canvas = (layout.width, layout.height)
        layouts = [layout] + [
            plan_layout(other, video, self.limits, canvas) for other in self.clips[1:]
        ]
        stream = add_video(out, video, self.clips, layout, self.threads)
        base = stream.codec_context.time_base
        clock = FrameClock(Fraction(base.numerator, base.denominator), video.fps, self.limits)
        self.outcome.width, self.outcome.height = canvas
        self.stages.add(partial(self._shape, clock, layouts, video.background))
        self.stages.add(partial(self._encode, stream, clock.base))

    def _prepare_audio(self, out: OutputContainer, audio: AudioSettings) -> None:
        length = None
        if self.recipe.end_s is not None:
            length = Fraction(self.recipe.end_s) - Fraction(self.recipe.start_s)
        for number in range(max(len(clip.audio) for clip in self.clips)):
            source = next(clip.audio[number] for clip in self.clips if len(clip.audio) > number)
            track = SoundTrack(add_audio(out, audio, source, self.recipe.format), length)
            items: BoundedQueue[SoundItem | None] = BoundedQueue(16)
            self.sound.append(items)
            self.tracks.append(track)
            self.stages.add(partial(self._encode_sound, items, track))
        self.outcome.audio_tracks = len(self.sound)

    def _on_picture(self, clip: Clip, frame: av.VideoFrame) -> None:
        self.stages.put(self.decoded, (clip, frame))

    def _on_sound(self, number: int, item: SoundItem) -> None:
        self.stages.put(self.sound[number], item)

    # Each of these is the life of one thread.

    def _read(self) -> None:
        self.reader.read(self._on_picture, self._on_sound)
        if self.recipe.video is not None:
            self.stages.put(self.decoded, None)
        for items in self.sound:
            self.stages.put(items, None)

    def _shape(self, clock: FrameClock, layouts: list[Layout], background: str | None) -> None:
        shaper: ClipShaper | None = None
        first = self.clips[0].first
        space = None if first is None else output_tags(first)[0]
        while (item := self.stages.get(self.decoded)) is not None:
            clip, frame = item
            with media_errors(clip.name):
                if shaper is None or shaper.clip is not clip:
                    self._advance(clock, shaper, None)
                    layout = layouts[self.clips.index(clip)]
                    shaper = ClipShaper(clip, layout, background, space, self.threads)
                self._advance(clock, shaper, frame)
        self._advance(clock, shaper, None)
        for stamped in clock.finish(self.reader.film_end):
            self.stages.put(self.shaped, stamped)
        self.outcome.dropped = clock.dropped
        self.stages.put(self.shaped, None)

    def _advance(
        self, clock: FrameClock, shaper: ClipShaper | None, frame: av.VideoFrame | None
    ) -> None:
        if shaper is None:
            return
        for whole in shaper.progressive(frame):
            for stamped in clock.feed(shaper, whole):
                self.stages.put(self.shaped, stamped)

    def _encode(self, stream: av.VideoStream, base: Fraction) -> None:
        with media_errors(self.target.name, writing=True):
            while (item := self.stages.get(self.shaped)) is not None:
                frame, pts, duration = item
                frame.time_base, frame.pts, frame.duration = base, pts, duration
                self.outcome.encoded += 1
                self.progress()
                self._emit(stream.encode(frame))
            # Step by step, so that a cancel does not wait for the whole look-ahead.
            for packet in stream.encode_lazy(None):
                packet.stream = stream
                self._emit([packet])
        self.stages.put(self.packets, None)

    def _encode_sound(self, items: BoundedQueue[SoundItem | None], track: SoundTrack) -> None:
        with media_errors(self.target.name, writing=True):
            while (item := self.stages.get(items)) is not None:
                for packets in batched(self._sound_packets(item, track), _BATCH):
                    self._emit(packets)
            # A clip without sound in a row of clips is silent, the last one too.
            end = self.reader.end if len(self.clips) > 1 else None
            for packets in batched(track.finish(end), _BATCH):
                self._emit(packets)
        self.stages.put(self.packets, None)

    def _sound_packets(self, item: SoundItem, track: SoundTrack) -> Iterator[Packet]:
        if isinstance(item, Clip):
            yield from track.restart(item.shift)
            return
        clip, encoded = item
        for packet in encoded:
            if track.line.full:
                return
            for frame in self._decode_sound(clip, packet):
                yield from track.feed(frame)

    def _decode_sound(self, clip: Clip, packet: Packet) -> list[av.AudioFrame]:
        with media_errors(clip.name):
            try:
                frames: list[Any] = packet.decode()
            except av.error.InvalidDataError:
                self.bad_sound_packets += 1
                return []
        return frames

    def _emit(self, packets: Sequence[Packet]) -> None:
        if packets:
            self.stages.put(self.packets, packets)

    def _write(self, out: OutputContainer, open_streams: int) -> None:
        lengths = [clip.length for clip in self.clips]
        known = [length for length in lengths if length is not None]
        self.progress("encode", total_s=float(sum(known)) if known == lengths else None)
        meter = OutputMeter(self.limits)
        while open_streams:
            packets = self.stages.get(self.packets)
            if packets is None:
                open_streams -= 1
                continue
            for packet in packets:
                meter.count(packet)
                out.mux(packet)
            self.progress("encode", done_s=meter.reached_s)

    def _check(self) -> None:
        outcome, reader, name = self.outcome, self.reader, self.clips[0].name
        outcome.decoded, outcome.corrupt = reader.decoded, reader.corrupt
        outcome.bad_packets = reader.bad_packets + self.bad_sound_packets
        heard = max((track.seconds for track in self.tracks), default=Fraction(0))
        outcome.duration_s = float(max(heard, reader.film_end))
        if self.tracks and not heard:
            if self.recipe.video is None:
                raise CorruptMedia(f"{name!r}: no sound could be decoded in the wanted part")
            outcome.notes.append("the sound could not be decoded")
        if self.recipe.video is not None:
            if not outcome.encoded:
                raise CorruptMedia(f"{name!r}: no picture could be decoded in the wanted part")
            if outcome.corrupt == outcome.decoded:
                raise CorruptMedia(f"{name!r}: all its pictures are damaged")
        if outcome.corrupt or outcome.bad_packets:
            outcome.notes.append(
                f"the input is damaged: {outcome.corrupt} picture(s) and "
                f"{outcome.bad_packets} packet(s) of it could not be read whole"
            )
