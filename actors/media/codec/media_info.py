"""The records of a probed file: the whole, and each of its streams."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class VideoStream:
    """A video or image in a file. Sizes in px, times in s, rates in frames/s and bit/s."""

    index: int
    codec: str
    profile: str | None
    width: int
    height: int
    """As coded."""
    display_width: int
    display_height: int
    """As shown: turned, and with square pixels."""
    rotation: int
    """Degrees counter-clockwise that a player turns it: 0, 90, 180, 270."""
    mirrored: bool
    sar: str
    """Shape of a coded pixel, width:height."""
    fps: float | None
    frames: int | None
    """As the container tells, or as counted; None: unknown."""
    duration_s: float | None
    start_s: float | None
    bit_rate: int | None
    pix_fmt: str | None
    bit_depth: int | None
    alpha: bool
    color_space: str
    color_range: str
    color_primaries: str
    color_transfer: str
    hdr: str | None
    """HDR10, PQ, HLG or Dolby Vision; None: standard range."""
    interlaced: bool
    attached_pic: bool
    default: bool
    language: str | None
    tags: dict[str, str] = field(default_factory=dict)
    kind: str = "video"


@dataclass(frozen=True)
class AudioStream:
    """Audio in a file."""

    index: int
    codec: str
    profile: str | None
    sample_rate: int
    """Hz."""
    channels: int
    layout: str
    sample_fmt: str | None
    duration_s: float | None
    start_s: float | None
    bit_rate: int | None
    default: bool
    language: str | None
    tags: dict[str, str] = field(default_factory=dict)
    kind: str = "audio"


@dataclass(frozen=True)
class OtherStream:
    """Subtitles, data, attachments, and streams without a decoder (`codec` is then None)."""

    index: int
    kind: str
    codec: str | None
    language: str | None
    tags: dict[str, str] = field(default_factory=dict)


Stream = VideoStream | AudioStream | OtherStream


@dataclass(frozen=True)
class MediaInfo:
    """A whole file."""

    format: str
    """mp4, mov, mkv, webm, mp3, jpeg …"""
    kind: str
    """video, animation, image or audio; data where nothing can be decoded."""
    duration_s: float | None
    start_s: float | None
    size: int
    """Bytes."""
    bit_rate: int | None
    streams: tuple[Stream, ...]
    chapters: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    truncated: bool = False
    """Its header leads behind the end of the file."""
    notes: tuple[str, ...] = ()
    """Remarks on what is odd with it."""

    @property
    def video(self) -> VideoStream | None:
        """The best video stream, or the image; a cover only if there is nothing else."""
        found = [s for s in self.streams if isinstance(s, VideoStream)]
        return max(
            found,
            key=lambda s: (not s.attached_pic, s.frames != 1, s.default, s.width * s.height),
            default=None,
        )

    @property
    def audio(self) -> AudioStream | None:
        """The best audio stream."""
        found = [s for s in self.streams if isinstance(s, AudioStream)]
        return max(found, key=lambda s: (s.default, s.channels), default=None)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        streams = [asdict(stream) for stream in self.streams]
        return asdict(self) | {"streams": streams, "notes": list(self.notes)}
