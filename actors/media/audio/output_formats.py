"""Output formats of an enhancement: containers, encoders and their bounds. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from reelyard.actors.media.audio.pcm.blocks import standard_layout
from reelyard.cluster.errors import UnsupportedOutput

FormatName = Literal[
    "same", "wav", "flac", "mp3", "aac", "m4a", "ogg", "opus", "mka", "mp4", "mov", "mkv", "webm"
]
VIDEO_FORMATS = ("mp4", "mov", "mkv", "webm")

_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True)
class Encoder:
    """An audio encoder and its bounds."""

    name: str
    rates: tuple[int, ...] = ()
    """Hz; empty: any from 8 to 192 kHz."""
    max_channels: int = 8
    layouts: tuple[str, ...] = ()
    """The one layout it takes for 1, 2, 3 … channels; empty: any."""
    mono_bit_rate: int | None = None
    """bit/s for one channel, half as much again for each further one; None: lossless."""
    sample_format: str = "fltp"
    peak_margin_db: float = 0.0
    """By how much decoding usually overshoots what was encoded."""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def lossless(self) -> bool:
        """Whether decoding gives what was encoded, but for the word length."""
        return self.mono_bit_rate is None


PCM_16 = Encoder("pcm_s16le", sample_format="s16")
PCM_24 = Encoder("pcm_s24le", sample_format="s32")
FLAC_16 = Encoder("flac", sample_format="s16")
FLAC_24 = Encoder("flac", sample_format="s32", options=(("bits_per_raw_sample", "24"),))
MP3 = Encoder("libmp3lame", _MP3_RATES, 2, mono_bit_rate=112_000, peak_margin_db=0.6)
AAC = Encoder("aac", _AAC_RATES, 8, mono_bit_rate=96_000, peak_margin_db=0.6)
# The header of a raw AAC frame has no number for 7.1 (ISO/IEC 14496-3, table 1.19).
RAW_AAC = replace(AAC, max_channels=6)
# RFC 7845, section 5.1.1.2.
_OPUS_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
OPUS = Encoder(
    "libopus",
    (48_000,),
    8,
    _OPUS_LAYOUTS,
    mono_bit_rate=72_000,
    sample_format="flt",
    peak_margin_db=0.6,
)


@dataclass(frozen=True)
class Target:
    """A file to write: its container, and the encoder of its audio."""

    format: str
    suffix: str
    muxer: str
    encoder: Encoder

    @property
    def holds_video(self) -> bool:
        """Whether the container is for videos."""
        return self.format in VIDEO_FORMATS


def _deep(encoder: Encoder, deep: bool) -> Encoder:
    """The variant of more than 16 bits."""
    return {"pcm_s16le": PCM_24, "flac": FLAC_24}.get(encoder.name, encoder) if deep else encoder


_TARGETS = {
    target.format: target
    for target in (
        Target("wav", ".wav", "wav", PCM_16),
        Target("flac", ".flac", "flac", FLAC_16),
        Target("mp3", ".mp3", "mp3", MP3),
        Target("aac", ".aac", "adts", RAW_AAC),
        Target("m4a", ".m4a", "mp4", AAC),
        Target("ogg", ".ogg", "ogg", OPUS),
        Target("opus", ".opus", "opus", OPUS),
        Target("mka", ".mka", "matroska", AAC),
        Target("mp4", ".mp4", "mp4", AAC),
        Target("mov", ".mov", "mov", AAC),
        Target("mkv", ".mkv", "matroska", AAC),
        Target("webm", ".webm", "webm", OPUS),
    )
}
# By the first of FFmpeg's names of a container.
_SAME_VIDEO = {"mov": "mp4", "matroska": "mkv", "webm": "webm", "mp4": "mp4", "flv": "mp4"}
_SAME_AUDIO = {
    "wav": "wav",
    "w64": "wav",
    "aiff": "wav",
    "flac": "flac",
    "mp3": "mp3",
    "aac": "aac",
    "ogg": "ogg",
    "mov": "m4a",
    "matroska": "mka",
}
_SAME_SUFFIX = {".mov", ".webm", ".opus", ".mp4", ".mkv", ".mka", ".m4a"}


@dataclass(frozen=True)
class SourceFormat:
    """What matters of the input for the choice of an output."""

    container: str
    """FFmpeg's name or names of the format."""
    suffix: str
    """Of the file name, lower case with its dot."""
    codec: str
    deep: bool
    """More than 16 bits a sample."""
    has_video: bool
    """There is a video stream to keep."""


def choose_target(wanted: FormatName, source: SourceFormat) -> Target:
    """The target for a wanted format; for `same`, the input's container or the nearest to it.

    Where the container of a video is not one that can be written (AVI, TS, …), Matroska, which
    takes every codec.
    """
    target = _TARGETS[_same(source) if wanted == "same" else wanted]
    if wanted == "same" and target.format in ("ogg", "mka") and source.codec == "flac":
        target = replace(target, encoder=FLAC_16)
    return replace(target, encoder=_deep(target.encoder, source.deep))


def _same(source: SourceFormat) -> str:
    family = source.container.split(",")[0]
    named = source.suffix.removeprefix(".") if source.suffix in _SAME_SUFFIX else ""
    if source.has_video:
        kind = _SAME_VIDEO.get(family, "mkv")
        siblings = {"mp4": ("mp4", "mov"), "mkv": ("mkv", "webm")}.get(kind, ())
        return named if named in siblings else kind
    kind = _SAME_AUDIO.get(family, "")
    if kind == "ogg" and named == "opus":
        return "opus"
    if kind == "mka" and named == "webm":
        return "webm"
    lossless = source.codec.startswith("pcm_") or source.codec in ("alac", "wavpack", "ape", "tta")
    return kind or ("wav" if lossless else "m4a")


def choose_rate(encoder: Encoder, rate: int) -> int:
    """The encoder's rate for a source at `rate` Hz: the same, else the next above, else the top."""
    if not encoder.rates:
        return max(8000, min(192_000, rate))
    return min((r for r in encoder.rates if r >= rate), default=max(encoder.rates))


def choose_channels(encoder: Encoder, channels: int) -> int:
    """As many as there are, or 5.1 or stereo where the encoder can't take that many."""
    if channels <= encoder.max_channels:
        return channels
    return 6 if encoder.max_channels >= 6 else min(2, encoder.max_channels)


def choose_layout(encoder: Encoder, channels: int, named: str) -> str:
    """The layout for so many channels: `named`, the source's, if it is one ("" is none) and the
    encoder takes it, else the usual one."""
    if encoder.layouts:
        return encoder.layouts[channels - 1]
    return named or standard_layout(channels)


def choose_bit_rate(
    encoder: Encoder, wanted: int | None, *, rate: int, channels: int
) -> int | None:
    """bit/s within what the encoder takes at `rate` Hz; None for a lossless one.

    Raises `UnsupportedOutput` for a bit rate asked of a lossless encoder.
    """
    if encoder.mono_bit_rate is None:
        if wanted is not None:
            raise UnsupportedOutput(
                f"bit_rate: {encoder.name} is lossless and takes none; leave it out",
                details={"bit_rate": wanted},
            )
        return None
    chosen = wanted or round(encoder.mono_bit_rate * (1 + channels) / 2)
    return max(8000, min(chosen, _most_bits(encoder, rate, channels)))


def _most_bits(encoder: Encoder, rate: int, channels: int) -> int:
    if encoder.name == "aac":
        return 6 * rate * channels
    if encoder.name == "libopus":
        return 256_000 * channels
    # MPEG-1, MPEG-2 and MPEG-2.5 layer III.
    return 320_000 if rate >= 32_000 else 160_000 if rate >= 16_000 else 64_000
