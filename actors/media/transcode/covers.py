"""Cover art: read from an input, written the way that the output's container keeps it."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import av
from av.container import InputContainer, OutputContainer
from av.stream import Disposition

from reelyard.actors.media.codec.decode import has_decoder, is_cover
from reelyard.actors.media.codec.source import open_input
from reelyard.actors.media.operation import Limits, Source

_MIMES = {"mjpeg": "image/jpeg", "png": "image/png"}
_SUFFIXES = {"mjpeg": "jpg", "png": "png"}
_AS_STREAM = frozenset({"mp3", "mp4", "flac"})
"""Muxers that take covers as streams of one picture."""
_FRONT = 3
"""The number of a front cover (FLAC format, METADATA_BLOCK_PICTURE)."""
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Cover:
    """A picture that goes along with a video or with sound."""

    stream: av.VideoStream
    """In the open input."""
    data: bytes

    @property
    def codec(self) -> str:
        """FFmpeg's name: mjpeg, png …; empty: unknown."""
        return self.stream.codec_context.codec.canonical_name if has_decoder(self.stream) else ""


def read_covers(source: Source, container: InputContainer, limits: Limits) -> list[Cover]:
    """The covers in the open `container` of `source`, which is not read from."""
    streams = {stream.index: stream for stream in container.streams.video if is_cover(stream)}
    found: dict[int, bytes] = {}
    if streams:
        with open_input(source, limits, header_only=True) as again:
            # They come first, before anything is read.
            for packet in again.demux([again.streams[index] for index in streams]):
                if packet.stream.index in found or not 0 < packet.size <= _MOST_BYTES:
                    break
                found[packet.stream.index] = bytes(packet)
    return [Cover(streams[index], found[index]) for index in sorted(found)]


class CoverWriter:
    """Puts covers into an output: `add` with its other streams, `write` before their packets."""

    def __init__(self, out: OutputContainer, covers: Sequence[Cover]) -> None:
        self._out = out
        self._covers = [cover for cover in covers if cover.codec in _MIMES]
        self._lost = len(covers) - len(self._covers)
        self._links: list[tuple[av.VideoStream, Cover]] = []

    def add(self) -> list[str]:
        """Remarks on what the output can't hold."""
        name = self._out.format.name
        if name in _AS_STREAM:
            self._links = [(self._stream(cover), cover) for cover in self._covers]
        elif name == "matroska":
            for number, cover in enumerate(self._covers):
                label = f"cover{number or ''}.{_SUFFIXES[cover.codec]}"
                self._out.add_attachment(label, _MIMES[cover.codec], cover.data)
        elif name in ("ogg", "opus", "oga") and self._covers:
            self._out.metadata["METADATA_BLOCK_PICTURE"] = _picture(self._covers[0])
            self._lost += len(self._covers) - 1
        else:
            self._lost += len(self._covers)
        return [f"{self._lost} cover picture(s) were left out"] if self._lost else []

    def _stream(self, cover: Cover) -> av.VideoStream:
        stream = self._out.add_stream_from_template(cover.stream, opaque=True)
        stream.disposition = Disposition.attached_pic
        kept = {k: v for k, v in cover.stream.metadata.items() if k in ("title", "comment")}
        stream.metadata.update(kept)
        return stream

    def write(self) -> None:
        """The pictures; the header has been written."""
        for stream, cover in self._links:
            packet = av.Packet(cover.data)
            packet.pts = packet.dts = 0
            packet.time_base, packet.stream, packet.is_keyframe = stream.time_base, stream, True
            self._out.mux_one(packet)


def _picture(cover: Cover) -> str:
    """As the comment of an Ogg file keeps it (RFC 9639, section 8.8, in base64)."""
    mime = _MIMES[cover.codec].encode()
    block = struct.pack(">II", _FRONT, len(mime)) + mime + struct.pack(">I", 0)
    block += struct.pack(">IIIII", cover.stream.width, cover.stream.height, 24, 0, len(cover.data))
    return base64.b64encode(block + cover.data).decode()
