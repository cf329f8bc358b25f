"""The reading stage of a transcode: the inputs demuxed in turn, their video decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial
from math import ceil, floor

import av
from av.rational import AVRational

from reelyard.actors.media.codec.decode import seconds
from reelyard.actors.media.codec.errors import media_errors
from reelyard.actors.media.codec.timing.stream_span import StreamSpan
from reelyard.actors.media.transcode.clip import Clip
from reelyard.actors.media.transcode.demux import Packet
from reelyard.actors.media.transcode.timeline import StampGuess

type AudioItem = Clip | tuple[Clip, list[Packet]]
"""Packets of a clip's audio, or the clip itself where it begins."""
OnFrame = Callable[[Clip, av.VideoFrame], None]
OnAudio = Callable[[int, AudioItem], None]

_GLIMPSE = Fraction(1, 25)
"""The remainder in s of a frame that began before the wanted part: up to that, it is left out."""
_BATCH = 16
"""Packets of audio: some 0.3 s of it. To wake a thread for each costs more than to decode it."""


class Reader:
    """Reads `clips` one after the other, and counts every packet in its clip."""

    def __init__(self, clips: list[Clip]) -> None:
        self._clips = clips
        self.decoded = 0
        self.corrupt = 0
        self.bad_packets = 0
        self.end = Fraction(0)
        """Where the output ends, in s of its own time."""
        self.video_end = Fraction(0)
        """Where its last frame ends."""

    @property
    def share(self) -> float:
        """How much of all clips was read, 0 to 1, by their bytes."""
        read = sum(clip.demuxer.reach.position for clip in self._clips)
        return min(1.0, read / sum(clip.container.size or 1 for clip in self._clips))

    def read(self, on_frame: OnFrame, on_audio: OnAudio) -> None:
        """Read everything. `on_frame` gets each wanted frame with its clip, `on_audio` the
        number of the output's track and what comes for it.

        Raises `TruncatedMedia` for a file that is cut off, where that is not taken.
        """
        for clip in self._clips:
            clip.shift = clip.start - self.end
            with media_errors(clip.name):
                self._read_clip(clip, on_frame, on_audio)

    def _read_clip(self, clip: Clip, on_frame: OnFrame, on_audio: OnAudio) -> None:
        video = _VideoPart(clip, on_frame)
        audio = {
            s.index: _AudioPart(clip, s, partial(on_audio, n)) for n, s in enumerate(clip.audio)
        }
        waiting = set(audio)
        seen: StreamSpan | None = None
        if clip.video is not None:
            waiting.add(clip.video.index)
            seen = StreamSpan(clip.video)
        for packet, frames in clip.demuxer:
            index = packet.stream.index
            if (track := audio.get(index)) is not None:
                track.span.add(packet)
                over = index in waiting and track.take(packet)
            else:
                assert seen is not None
                seen.add(packet)
                over = index in waiting and self._read_frames(video, frames)
            if over:
                waiting.discard(index)
                if not waiting:
                    break
        video.finish(seen)
        for track in audio.values():
            track.finish()
        self.bad_packets += clip.demuxer.bad_packets
        clip.settle([track.span for track in audio.values()])
        heard = clip.heard if clip.end is None else min(clip.heard, clip.end)
        self.video_end = video.end - clip.shift
        self.end = max(self.end, self.video_end, heard - clip.shift)

    def _read_frames(self, video: _VideoPart, frames: Iterable[av.VideoFrame]) -> bool:
        for frame in frames:
            self.decoded += 1
            self.corrupt += frame.is_corrupt
            video.clip.note_size(frame)
            if video.take(frame):
                return True
        return False


class _AudioPart:
    """Hands on the packets of one audio track of a clip, some at a time."""

    def __init__(
        self, clip: Clip, stream: av.AudioStream, on_audio: Callable[[AudioItem], None]
    ) -> None:
        self._clip = clip
        self._on_audio = on_audio
        self._batch: list[Packet] = []
        self.span = StreamSpan(stream)
        on_audio(clip)

    def take(self, packet: Packet) -> bool:
        """Whether the part is over, now that `packet` has come."""
        self._batch.append(packet)
        if len(self._batch) >= _BATCH:
            self.finish()
        if self._clip.end is None:
            return False
        begins = seconds(packet.pts, packet.time_base)
        return begins is not None and begins >= self._clip.end

    def finish(self) -> None:
        """Hand on what is left."""
        if self._batch:
            self._on_audio((self._clip, self._batch))
            self._batch = []


class _VideoPart:
    """Picks the frames of a clip that lie in its wanted part.

    Compares whole time stamps: the bounds are put into the units of the frames' own clock.
    """

    def __init__(self, clip: Clip, on_frame: Callable[[Clip, av.VideoFrame], None]) -> None:
        self.clip = clip
        self._on_frame = on_frame
        self._before: av.VideoFrame | None = None
        self._started = False
        self._stamps = StampGuess()
        self._base: AVRational | None = None
        self._unit = Fraction(1)
        self._begin = self._late = 0
        self._stop: int | None = None
        self._usual: int | Fraction = 0
        self._last: int | None = None
        self._reach: int | Fraction = 0
        self._end = clip.start

    @property
    def end(self) -> Fraction:
        """Where the last frame that was taken ends, in s of the clip's clock."""
        end = max(self._end, self._reach * self._unit)
        return end if self.clip.end is None else min(end, self.clip.end)

    def take(self, frame: av.VideoFrame) -> bool:
        """Whether the part is over, now that `frame` has come."""
        at = frame.pts = self._stamps.choose(frame.pts, frame.dts)
        if at is None or not frame.time_base:
            at = self._lay_behind(frame)
        if self._base is None or frame.time_base != self._base:
            self._count_in(frame.time_base)
        if self._stop is not None and at >= self._stop:
            # Whatever is on show stays until the next frame, which comes behind the wanted part.
            self._end = self.clip.end or self._end
            return True
        if at < self._begin and self.clip.start > self.clip.origin:
            self._before = frame
            return False
        if not self._started:
            # A long frame that began before the start is still on show there.
            if at > self._late:
                self._show_before()
            self._before, self._started = None, True
        self._last, self._reach = at, at + (frame.duration or self._usual)
        self._on_frame(self.clip, frame)
        return False

    def finish(self, span: StreamSpan | None) -> None:
        """The clip has been read; `span`: that of its video."""
        self._show_before()
        if span is None or self._last is None or span.end_s is None:
            return
        if span.last_s == self._last * self._unit:
            self._reach = span.end_s / self._unit

    def _lay_behind(self, frame: av.VideoFrame) -> int:
        base = Fraction(1, 90_000)
        # None, whatever PyAV's stubs say, where a decoder gives a frame a time of its own.
        if frame.time_base:
            base = Fraction(frame.time_base.numerator, frame.time_base.denominator)
        pts = round(self.end / base)
        frame.time_base, frame.pts = base, pts
        return pts

    def _count_in(self, base: AVRational) -> None:
        clip = self.clip
        self._end = self.end
        self._base, self._unit = base, Fraction(base.numerator, base.denominator)
        self._begin = ceil(clip.start / self._unit)
        self._stop = None if clip.end is None else ceil(clip.end / self._unit)
        usual = 1 / (clip.rate * self._unit)
        self._usual = usual.numerator if usual.denominator == 1 else usual
        self._late = floor((clip.start + min(_GLIMPSE, 1 / clip.rate)) / self._unit)
        self._reach = floor(clip.start / self._unit)

    def _show_before(self) -> None:
        if self._before is not None and not self._started:
            self._on_frame(self.clip, self._before)
            self._last = self._before.pts
            self._end = self.clip.end or self.clip.start + 1 / self.clip.rate
        self._before, self._started = None, True
