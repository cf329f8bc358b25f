"""The containers, the codecs that fit into each, and their encoders and qualities. Pure tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

VideoCodec = Literal["h264", "h265", "vp9", "av1"]
AudioCodec = Literal["aac", "mp3", "opus", "flac", "pcm_s16le", "pcm_s24le", "pcm_f32le"]
Quality = Literal["very_low", "low", "medium", "high", "very_high"]
Format = Literal["mp4", "mov", "webm", "mkv", "mp3", "m4a", "aac", "ogg", "opus", "wav", "flac"]

_ALL_VIDEO = get_args(VideoCodec)
_PCM = ("pcm_s16le", "pcm_s24le", "pcm_f32le")


@dataclass(frozen=True)
class Container:
    """A container: FFmpeg's `muxer`, and the codecs it takes, the default one first."""

    muxer: str
    suffix: str
    video: tuple[str, ...]
    audio: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)


_FASTSTART = {"movflags": "+faststart"}

CONTAINERS: Mapping[str, Container] = {
    "mp4": Container(
        "mp4", ".mp4", ("h264", "h265", "av1", "vp9"), ("aac", "mp3", "opus", "flac"), _FASTSTART
    ),
    "mov": Container("mov", ".mov", ("h264", "h265"), ("aac", "mp3", *_PCM), _FASTSTART),
    "webm": Container("webm", ".webm", ("vp9", "av1"), ("opus",)),
    "mkv": Container("matroska", ".mkv", _ALL_VIDEO, ("aac", "opus", "mp3", "flac", *_PCM)),
    "mp3": Container("mp3", ".mp3", (), ("mp3",)),
    # Not FFmpeg's "ipod", to which PyAV 19 lets nobody add a cover.
    "m4a": Container("mp4", ".m4a", (), ("aac",), {**_FASTSTART, "brand": "M4A "}),
    "aac": Container("adts", ".aac", (), ("aac",)),
    "ogg": Container("ogg", ".ogg", (), ("opus", "flac")),
    "opus": Container("ogg", ".opus", (), ("opus",)),
    "wav": Container("wav", ".wav", (), _PCM),
    "flac": Container("flac", ".flac", (), ("flac",)),
}

AUDIO_FORMATS = frozenset(name for name, container in CONTAINERS.items() if not container.video)

VIDEO_ENCODERS = {
    "h264": "libx264",
    "h265": "libx265",
    "vp9": "libvpx-vp9",
    "av1": "libsvtav1",
}
AUDIO_ENCODERS = {"aac": "aac", "mp3": "libmp3lame", "opus": "libopus"} | {
    name: name for name in ("flac", *_PCM)
}
LOSSLESS_AUDIO = frozenset({"flac", *_PCM})

CRF_RANGE = {"h264": (0, 51), "h265": (0, 51), "vp9": (0, 63), "av1": (1, 63)}
_CRF = {
    "h264": (34, 29, 23, 20, 17),
    "h265": (36, 31, 26, 22, 18),
    "vp9": (50, 42, 34, 28, 20),
    "av1": (55, 46, 36, 29, 22),
}
_AUDIO_BITS = {
    "aac": (32_000, 48_000, 64_000, 96_000, 128_000),
    "mp3": (32_000, 48_000, 64_000, 96_000, 160_000),
    "opus": (16_000, 32_000, 48_000, 64_000, 96_000),
}
"""Bit/s for each channel, from very_low to very_high."""

X26X_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
)
_SVT_PRESETS = dict(zip(X26X_PRESETS, (12, 11, 10, 9, 8, 7, 5, 4, 2), strict=True))
_VPX_PRESETS = {
    "ultrafast": ("realtime", 8),
    "superfast": ("realtime", 7),
    "veryfast": ("realtime", 6),
    "faster": ("good", 5),
    "fast": ("good", 4),
    "medium": ("good", 3),
    "slow": ("good", 2),
    "slower": ("good", 1),
    "veryslow": ("good", 0),
}
DEFAULT_PRESET = {"h264": "fast", "h265": "fast", "vp9": "fast", "av1": "fast"}


def quality_index(quality: Quality) -> int:
    """0 for very_low to 4 for very_high."""
    return get_args(Quality).index(quality)


def crf_for(codec: str, quality: Quality) -> int:
    """The constant rate factor that stands for a quality."""
    return _CRF[codec][quality_index(quality)]


def audio_bits_for(codec: str, quality: Quality, channels: int) -> int | None:
    """Bit/s for a quality; None for lossless codecs. Mono gets half of what stereo gets."""
    if codec in LOSSLESS_AUDIO:
        return None
    total = _AUDIO_BITS[codec][quality_index(quality)] * max(1, channels)
    return min(total, 320_000) if codec == "mp3" else total


def most_channels(format: str, codec: str) -> int:
    """How many channels an audio track of `codec` has at most in `format`."""
    if codec == "mp3":
        return 2
    # The header of a raw AAC frame has no number for 7.1 (ISO/IEC 14496-3, table 1.19).
    return 6 if format == "aac" else 8


def preset_options(codec: str, preset: str) -> dict[str, str]:
    """The encoder options that a preset means.

    All codecs take x264's names. AV1 also takes SVT-AV1's numbers ("0" to "13"), VP9 a deadline
    and a speed ("realtime-7", "good-2"). Raises `ValueError` for any other.
    """
    if codec in ("h264", "h265"):
        if preset in (*X26X_PRESETS, "placebo"):
            return {"preset": preset}
        raise ValueError(f"preset must be one of {', '.join(X26X_PRESETS)}, not {preset!r}")
    if codec == "av1":
        if preset in _SVT_PRESETS:
            return {"preset": str(_SVT_PRESETS[preset])}
        if preset.isdecimal() and int(preset) <= 13:
            return {"preset": str(int(preset))}
        raise ValueError(f"preset must be 0 to 13 or a name such as fast, not {preset!r}")
    deadline, _, speed = preset.partition("-")
    if preset in _VPX_PRESETS:
        deadline, number = _VPX_PRESETS[preset]
        return {"deadline": deadline, "cpu-used": str(number), "row-mt": "1"}
    most = {"realtime": 9, "good": 5}.get(deadline, -1)
    if speed.isdecimal() and int(speed) <= most:
        return {"deadline": deadline, "cpu-used": str(int(speed)), "row-mt": "1"}
    raise ValueError(
        f"preset must be a name such as fast, or realtime-0 to realtime-9, or good-0 to good-5, "
        f"not {preset!r}"
    )


def check_codecs(format: str, video: str | None, audio: str | None) -> None:
    """Raises `ValueError` naming what `format` takes, if it does not take that codec."""
    container = CONTAINERS[format]
    if video is not None and video not in container.video:
        takes = ", ".join(container.video) or "no video"
        raise ValueError(f"{format} can't hold {video} video; it takes {takes}")
    if audio is not None and audio not in container.audio:
        raise ValueError(
            f"{format} can't hold {audio} audio; it takes {', '.join(container.audio)}"
        )
