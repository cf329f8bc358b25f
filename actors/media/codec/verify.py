"""The check of a finished file: it is what was promised, or the operation fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelyard.actors.media.codec.media_info import MediaInfo, VideoStream
from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.operation import Limits
from reelyard.cluster.errors import Cancelled, MediaError, VerificationFailed


@dataclass(frozen=True)
class Expect:
    """What an output must be; None: any. Sizes in px, times in s."""

    video_codec: str | None = None
    audio_codec: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    duration_s: float | None = None
    tolerance_s: float = 0.25
    """Allowed difference of the duration."""
    has_video: bool | None = None
    has_audio: bool | None = None


_TRUSTED = Limits(max_pixels=1 << 40, max_duration_s=1e9, max_streams=1000)


def verify_output(
    path: Path, expect: Expect | None = None, *, tick: Callable[[], object] | None = None
) -> dict[str, Any]:
    """The facts of a finished file: format, duration_s, width, height, fps, frames, video_codec,
    audio_codec, sample_rate, channels, bit_rate, size, as far as they apply.

    The file is opened, all its packets are read (`tick` is called meanwhile) and a first frame of
    each kind is decoded. Raises `VerificationFailed` naming each difference from `expect`.
    """
    expect = expect or Expect()
    try:
        info = probe_media(path, _TRUSTED, count=True, check=True, tick=tick)
    except Cancelled:
        raise
    except MediaError as error:
        raise VerificationFailed(
            f"{path.name!r} was written, but can't be read back: {error.message}",
            internal=error.internal,
        ) from error
    if faults := _faults(info, expect):
        raise VerificationFailed(
            f"{path.name!r} is not what was asked for: {'; '.join(faults)}",
            details={"faults": faults},
        )
    return facts_of(info)


def facts_of(info: MediaInfo) -> dict[str, Any]:
    """The facts of a file that an output's record carries; without those that don't apply."""
    video, audio = _film(info), info.audio
    facts: dict[str, Any] = {
        "format": info.format,
        "duration_s": info.duration_s,
        "bit_rate": info.bit_rate,
        "size": info.size,
    }
    if video is not None:
        facts |= {
            "width": video.display_width,
            "height": video.display_height,
            "fps": video.fps,
            "frames": video.frames,
            "video_codec": video.codec,
            "pix_fmt": video.pix_fmt,
        }
    if audio is not None:
        facts |= {
            "audio_codec": audio.codec,
            "sample_rate": audio.sample_rate,
            "channels": audio.channels,
            "audio_tracks": sum(1 for stream in info.streams if stream.kind == "audio"),
        }
    return {key: value for key, value in facts.items() if value is not None}


def _film(info: MediaInfo) -> VideoStream | None:
    """The video; a cover beside sound is none."""
    video = info.video
    return None if video is not None and video.attached_pic and info.audio else video


def _faults(info: MediaInfo, expect: Expect) -> list[str]:
    video, audio = _film(info), info.audio
    found: list[tuple[str, object, object]] = []
    if expect.has_video is not None:
        found.append(("video", video is not None, expect.has_video))
    if expect.has_audio is not None:
        found.append(("audio", audio is not None, expect.has_audio))
    found.append(("video codec", video and video.codec, expect.video_codec))
    found.append(("audio codec", audio and audio.codec, expect.audio_codec))
    found.append(("width", video and video.display_width, expect.width))
    found.append(("height", video and video.display_height, expect.height))
    found.append(("frames", video and video.frames, expect.frames))
    faults = [
        f"{what} is {have}, not {want}" for what, have, want in found if want not in (None, have)
    ]
    if expect.duration_s is not None:
        # A player begins at 0, whenever the first frame or sample comes.
        have = (info.start_s or 0.0) + (info.duration_s or 0.0)
        if abs(have - expect.duration_s) > expect.tolerance_s:
            faults.append(f"it is {have:.3f} s long, not {expect.duration_s:.3f} s")
    return faults
