"""The settings of a transcode, without any state, and what they mean to the encoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from reelyard.actors.media.codec import containers
from reelyard.actors.media.codec.geometry import Fit, Length, Position


@dataclass(frozen=True)
class VideoSettings:
    """The video: `codec` (h264, h265, vp9, av1), sizes in px or "50%", `fps` None: as the
    source, `bitrate` in bit/s instead of `crf`."""

    codec: str
    crf: float | None = None
    bitrate: int | None = None
    preset: str | None = None
    width: Length | None = None
    height: Length | None = None
    fit: Fit = "contain"
    position: Position = "center"
    background: str | None = None
    """`#rrggbb`: fill up to the box with that colour."""
    fps: Fraction | None = None
    max_bitrate: int | None = None
    """bit/s that a video made by `crf` may not exceed for long (h264, h265, vp9)."""


@dataclass(frozen=True)
class AudioSettings:
    """The audio: `bitrate` in bit/s, `sample_rate` in Hz; None: as the source, or by quality.
    `track`: number from 0, "all", or None for the best."""

    codec: str
    bitrate: int | None = None
    quality: containers.Quality = "medium"
    sample_rate: int | None = None
    channels: int | None = None
    track: int | Literal["all"] | None = None


@dataclass(frozen=True)
class TranscodeSettings:
    """A whole output; times in s from the start of the input. `audio_only` outputs have
    `video` None, silent ones `audio` None."""

    format: str
    video: VideoSettings | None
    audio: AudioSettings | None
    start_s: float = 0.0
    end_s: float | None = None
    partial: bool = False
    """Take what is there of inputs that are cut off short."""

    @property
    def is_part(self) -> bool:
        """Whether only a part of the input is wanted."""
        return bool(self.start_s) or self.end_s is not None

    @property
    def container(self) -> containers.Container:
        """The row of the container table."""
        return containers.CONTAINERS[self.format]


def encoder_options(video: VideoSettings, threads: int) -> dict[str, str]:
    """FFmpeg's options for the encoder of `video`."""
    preset = video.preset or containers.DEFAULT_PRESET[video.codec]
    options = containers.preset_options(video.codec, preset)
    if video.bitrate is None:
        crf = video.crf if video.crf is not None else containers.crf_for(video.codec, "medium")
        options["crf"] = f"{crf:g}"
        if video.codec == "vp9":
            # Without this, libvpx takes its default bit rate as an upper bound.
            options["b"] = str(video.max_bitrate or 0)
        elif video.max_bitrate and video.codec in ("h264", "h265"):
            options["maxrate"] = str(video.max_bitrate)
            options["bufsize"] = str(2 * video.max_bitrate)
    if video.codec == "h265":
        options["x265-params"] = f"log-level=error:pools={threads}"
    if video.codec == "av1":
        options["svtav1-params"] = f"lp={threads}"
    return options


_ASKED: Mapping[int, str] = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
_LAYOUTS: Mapping[str, Mapping[int, str]] = {
    "mp3": {1: "mono", 2: "stereo"},
    # Those that have a number in the header of a frame (ISO/IEC 14496-3, table 1.19), and 7.1.
    "aac": {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"},
    # RFC 7845, section 5.1.1.2.
    "opus": dict(enumerate(("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"), start=1)),
}
"""By the codec, the layout that it takes for so many channels."""
_ANY: Mapping[int, str] = {
    **_LAYOUTS["opus"],
    4: "4.0",
}
"""What codecs without such a rule get for channels that have no places."""


def audio_layout(
    codec: str, most: int, source_channels: int, source_layout: str, wanted: int | None
) -> str:
    """The channel layout of an output: as many channels as wanted, or as the source has, as far as
    `most` allows; the source's own layout where `codec` takes any."""
    if wanted is not None:
        known = _ASKED
    elif codec in _LAYOUTS:
        known = _LAYOUTS[codec]
    else:
        known = _ANY
        # Two channels and fewer are played by their order, whatever they are called.
        if 2 < source_channels <= most and "channels" not in source_layout:
            return source_layout
    count = min(wanted or source_channels, most)
    return known[max((number for number in known if number <= count), default=1)]


def audio_rate(source_rate: int, wanted: int | None, supported: list[int] | None) -> int:
    """The sample rate (Hz) nearest to the wanted one, or to the source's, that the encoder
    takes; of two equally near the higher."""
    rate = wanted or source_rate
    if not supported:
        return min(max(rate, 8_000), 192_000)
    above = [value for value in supported if value >= rate]
    return min(above) if above else max(supported)
