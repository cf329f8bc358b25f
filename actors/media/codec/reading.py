"""The reading stage of a transcode: demux the inputs in turn, decode their pictures."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import av.error

from actors.media.codec.clip import Clip
from actors.media.codec.decode import seconds, seek
from actors.media.codec.errors import media_errors
from actors.media.codec.timeline import StampGuess

type Packet = av.Packet[Any]
type SoundItem = Clip | tuple[Clip, Packet]
"""A packet of a clip's sound, or the clip itself where it begins."""
OnPicture = Callable[[Clip, av.VideoFrame], None]
OnSound = Callable[[int, SoundItem], None]


class Reader:
    """Reads `clips` one after the other, and counts every packet in its clip."""

    def __init__(self, clips: list[Clip]) -> None:
        self._clips = clips
        self.decoded = 0
        self.corrupt = 0
        self.bad_packets = 0
        self.end = Fraction(0)
        """Where the output ends, in s of its own time."""
        self.film_end = Fraction(0)
        """Where its last picture ends."""

    def read(self, on_picture: OnPicture, on_sound: OnSound) -> None:
        """Read everything. `on_picture` gets each wanted picture with its clip, `on_sound` the
        number of the output's track and what comes for it.

        Raises `CorruptMedia` for a file that is cut off.
        """
        for clip in self._clips:
            clip.shift = clip.start - self.end
            with media_errors(clip.name):
                self._read_clip(clip, on_picture, on_sound)
            clip.check_whole()

    def _read_clip(self, clip: Clip, on_picture: OnPicture, on_sound: OnSound) -> None:
        tracks = {stream.index: number for number, stream in enumerate(clip.audio)}
        for number in tracks.values():
            on_sound(number, clip)
        used = [s for s in (clip.video, *clip.audio) if s is not None]
        if clip.start > clip.origin:
            seek(clip.container, used[0], clip.start)
        waiting = {stream.index for stream in used}
        film = _Film(clip, on_picture)
        for packet in clip.container.demux(*used):
            clip.note(packet)
            if packet.stream.index not in waiting:
                continue
            track = tracks.get(packet.stream.index)
            if track is None:
                over = self._read_pictures(film, packet)
            else:
                on_sound(track, (clip, packet))
                begins = seconds(packet.pts, packet.time_base)
                over = clip.end is not None and begins is not None and begins >= clip.end
            if over:
                waiting.discard(packet.stream.index)
                if not waiting:
                    break
        film.finish()
        heard = clip.heard if clip.end is None else min(clip.heard, clip.end)
        self.film_end = film.end - clip.shift
        self.end = max(self.end, self.film_end, heard - clip.shift)

    def _read_pictures(self, film: _Film, packet: Packet) -> bool:
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            self.bad_packets += 1
            return False
        for frame in frames:
            assert isinstance(frame, av.VideoFrame)
            self.decoded += 1
            self.corrupt += frame.is_corrupt
            if film.take(frame):
                return True
        return False


class _Film:
    """Picks the pictures of a clip that lie in its wanted part."""

    def __init__(self, clip: Clip, on_picture: Callable[[Clip, av.VideoFrame], None]) -> None:
        self._clip = clip
        self._on_picture = on_picture
        self._before: av.VideoFrame | None = None
        self._started = False
        self._stamps = StampGuess()
        self.end = clip.start

    def take(self, frame: av.VideoFrame) -> bool:
        """Whether the part is over, now that `frame` has come."""
        clip = self._clip
        frame.pts = self._stamps.choose(frame.pts, frame.dts)
        at = seconds(frame.pts, frame.time_base)
        if at is None:
            at = self.end
            base = Fraction(frame.time_base.numerator or 1, frame.time_base.denominator or 90_000)
            frame.time_base, frame.pts = base, round(at / base)
        if clip.end is not None and at >= clip.end:
            return True
        if at < clip.start and clip.start > clip.origin:
            self._before = frame
            return False
        # A long picture that began before the start is still on show there.
        if at - clip.start > 1 / clip.rate:
            self._show_before()
        self._started = True
        length = seconds(frame.duration or None, frame.time_base) or 1 / clip.rate
        self.end = max(self.end, at + length)
        if clip.end is not None:
            self.end = min(self.end, clip.end)
        self._on_picture(clip, frame)
        return False

    def finish(self) -> None:
        """The clip has been read."""
        self._show_before()

    def _show_before(self) -> None:
        if self._before is not None and not self._started:
            self._on_picture(self._clip, self._before)
            self.end = self._clip.end or self._clip.start + 1 / self._clip.rate
        self._before, self._started = None, True
