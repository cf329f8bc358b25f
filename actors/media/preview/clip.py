"""A short clip of a video, as MP4 with H.264 and AAC."""

from __future__ import annotations

from pathlib import Path

from reelyard.actors.media.codec.verify import Expect, verify_output
from reelyard.actors.media.operation import Limits, MediaFile, Progress, Source
from reelyard.actors.media.sampling.scaler import scaled_size
from reelyard.actors.media.sampling.video import open_video
from reelyard.actors.media.transcode.pipeline import TranscodeReport, transcode
from reelyard.actors.media.transcode.settings import AudioSettings, TranscodeSettings, VideoSettings

_VIDEO_PRESET = "veryfast"
_AUDIO_BITS = 96_000


def write_clip(
    source: Source,
    out: Path,
    *,
    start_s: float,
    duration_s: float,
    width: int,
    partial: bool = False,
    limits: Limits,
    threads: int = 1,
    progress: Progress | None = None,
) -> tuple[MediaFile, TranscodeReport]:
    """Write the stretch, `width` px wide, with its audio if there is any; videos are not enlarged.

    It ends where the video ends. Returns the file and what was done. Raises `MediaError` for a
    start behind the end, `TruncatedMedia` for a stretch that is cut off (unless `partial` is
    wanted), `NoSuchStream`, `CorruptMedia`, `VerificationFailed`.
    """
    with open_video(source, limits) as video:
        video.refuse_behind_end("start", start_s)
        wide, high = scaled_size(video.width, video.height, width)
    settings = TranscodeSettings(
        "mp4",
        VideoSettings("h264", preset=_VIDEO_PRESET, width=wide),
        AudioSettings("aac", bitrate=_AUDIO_BITS, channels=2),
        start_s,
        start_s + duration_s,
        partial,
    )
    report = transcode(
        [source], out, settings, threads=threads, limits=limits, progress=progress or Progress()
    )
    expect = Expect(
        video_codec="h264",
        width=wide,
        height=high,
        frames=report.encoded,
        has_audio=report.audio_tracks > 0,
    )
    return MediaFile(out, "video", verify_output(out, expect)), report
