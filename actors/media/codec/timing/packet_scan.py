"""One pass over a file's packets: what they cover, and whether their first can be decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.stream import Stream

from reelyard.actors.media.codec import decode
from reelyard.actors.media.codec.source import check_pixels
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.codec.timing.stream_span import StreamSpan
from reelyard.actors.media.operation import Limits
from reelyard.cluster.errors import CorruptMedia, NoSuchStream, UnsupportedCodec


class FirstFrames:
    """Decodes a first frame of the best video and of the best audio.

    Raises `UnsupportedCodec` if there is no decoder for anything in the file, `NoSuchStream`
    without video and audio.
    """

    def __init__(self, container: InputContainer, limits: Limits, name: str) -> None:
        self._limits, self._name = limits, name
        best = (decode.best_video(container), decode.best_audio(container))
        self.streams: list[Stream] = [stream for stream in best if stream is not None] or [
            stream for stream in container.streams.video if decode.has_decoder(stream)
        ]
        if not self.streams:
            if any(not decode.has_decoder(stream) for stream in container.streams):
                raise UnsupportedCodec(f"{name!r}: there is no decoder for anything in it")
            raise NoSuchStream(f"{name!r} has neither video nor audio")
        self._drained_once: set[int] = set()
        self._waiting = {stream.index for stream in self.streams}
        self._seen: set[int] = set()

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks, once all packets were seen, on the streams of which nothing came out."""
        return tuple(
            f"nothing of the {stream.type} track {stream.index} can be decoded"
            if stream.index in self._seen
            else f"the {stream.type} track {stream.index} is empty"
            for stream in self.streams
            if stream.index in self._waiting
        )

    def see(self, packet: av.Packet[Any]) -> bool:
        """Decode `packet` if a frame of its stream is still wanted; whether none is wanted now.

        Raises `LimitExceeded` for a frame that is larger than the header said.
        """
        index = packet.stream.index
        if packet.size:
            self._seen.add(index)
        if index in self._waiting and self._decodes(packet):
            self._waiting.discard(index)
        return not self._waiting

    def _decodes(self, packet: av.Packet[Any]) -> bool:
        try:
            decoded = packet.decode() or self._drained(packet)
        except av.error.InvalidDataError:
            return False
        for frame in decoded:
            if isinstance(frame, av.VideoFrame):
                check_pixels(frame.width, frame.height, self._limits, self._name)
        return bool(decoded)

    def _drained(self, packet: av.Packet[Any]) -> list[Any]:
        """A key frame's image at once, where the decoder would wait for those after it."""
        stream = packet.stream
        if stream.index in self._drained_once or not packet.is_keyframe or not packet.size:
            return []
        self._drained_once.add(stream.index)
        decoded: list[Any] = stream.decode(None)
        if not decoded:
            stream.codec_context.flush_buffers()
            decoded = packet.decode()
        return decoded

    def conclude(self) -> None:
        """All packets were seen. Raises `CorruptMedia` if nothing came out of any stream."""
        if len(self._waiting) == len(self.streams):
            raise CorruptMedia(f"{self._name!r}: nothing in it can be decoded")


def scan(
    clock: PacketClock,
    first: FirstFrames | None,
    *,
    count: bool,
    tick: Callable[[], object] | None = None,
) -> dict[int, StreamSpan]:
    """Read the packets of all video and audio: every one to `count` them, else up to the
    `first` frames. `tick` is called for each. Returns what they cover, by the stream's index;
    empty unless they were counted."""
    spans: dict[int, StreamSpan] = {}
    media: list[Stream] = [] if first is None else first.streams
    if count:
        media = [
            s
            for s in clock.container.streams
            if s.type in ("video", "audio") and decode.has_decoder(s)
        ]
    if not media:
        return spans
    for packet in clock.read(*media):
        if tick is not None:
            tick()
        if count:
            index = packet.stream.index
            if index not in spans:
                spans[index] = StreamSpan(packet.stream)
            spans[index].add(packet)
        if first is not None and first.see(packet) and not count:
            break
    if first is not None:
        first.conclude()
    return {index: span for index, span in spans.items() if span.packets}
