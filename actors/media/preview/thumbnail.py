"""A thumbnail: a single frame of a video, or a still image made small, as JPEG."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av

from reelyard.actors.media.codec.geometry import Layout, fit_size
from reelyard.actors.media.codec.source import tells_by_header
from reelyard.actors.media.operation import Limits, MediaFile, Progress, Source
from reelyard.actors.media.preview.best_frame import DEFAULT_SHARE, BestFrame
from reelyard.actors.media.sampling.scaler import UprightScaler, scaled_size
from reelyard.actors.media.sampling.video import Findings, OpenVideo, open_video
from reelyard.actors.media.stills import Still, make_still, still_of, write_still
from reelyard.cluster.errors import MediaError


@dataclass(frozen=True)
class Shown:
    """What a thumbnail shows."""

    still: Still
    time_s: float
    found: Findings
    """What was found wrong with the video."""


def thumbnail_of_video(
    source: Source,
    out: Path,
    *,
    width: int,
    timestamp_s: float | None,
    exact: bool = False,
    limits: Limits,
    threads: int = 1,
    progress: Progress | None = None,
) -> tuple[MediaFile, Shown]:
    """Write the frame on show at `timestamp_s`, `width` px wide; returns it and what it shows.

    Without a time, the key frame at or before a quarter of the video: it needs no decoding of the
    frames before it. Where that one is flat (black, white, one colour), the one of most contrast
    among a few others. With `exact` the frame at the quarter itself, whatever it shows. Of a video
    that is cut off short the last frame stands for those that are missing. Raises `MediaError` for
    a time behind the end, `NoSuchStream`, `CorruptMedia`.
    """
    shown = None
    if timestamp_s is None and not exact and tells_by_header(source.sniffed):
        shown = _by_header(source, width, limits, threads)
    if shown is None:
        shown = _decoded(source, width, timestamp_s, exact, limits, threads, progress)
    return write_still(shown.still, out, "jpeg", progressive=False), shown


def _by_header(source: Source, width: int, limits: Limits, threads: int) -> Shown | None:
    """The default frame, without the frame that FFmpeg decodes to complete a header: that one
    would cost as much as the frame itself. None where the header doesn't suffice, or lies."""
    with (
        suppress(MediaError),
        open_video(source, limits, threads, header_only=True) as video,
    ):
        choice = BestFrame(video)
        frame = choice.first()
        if frame is not None and video.header_holds:
            return _scaled(video, choice.best(frame), width, threads)
    return None


def _decoded(
    source: Source,
    width: int,
    timestamp_s: float | None,
    exact: bool,
    limits: Limits,
    threads: int,
    progress: Progress | None,
) -> Shown:
    with open_video(source, limits, threads, tick=progress) as video:
        if timestamp_s is not None:
            _refuse_behind_end(video, timestamp_s)
        quarter_s = video.duration_s * DEFAULT_SHARE
        if timestamp_s is not None or exact:
            at_s = quarter_s if timestamp_s is None else timestamp_s
            return _scaled(video, next(video.shown_at([at_s])), width, threads)
        choice = BestFrame(video)
        frame = choice.first() or next(video.shown_at([quarter_s]))
        return _scaled(video, choice.best(frame), width, threads)


def _refuse_behind_end(video: OpenVideo, timestamp_s: float) -> None:
    ending = video.ending
    if ending is None or ending.whole or timestamp_s > (ending.expected_s or timestamp_s):
        video.refuse_behind_end("timestamp", timestamp_s)


def _scaled(video: OpenVideo, frame: av.VideoFrame, width: int, threads: int) -> Shown:
    size = scaled_size(*video.shown_size(frame.width, frame.height), width)
    small = UprightScaler(video, *size, threads).upright(frame)
    return Shown(still_of(small), round(video.time_of(frame), 3), video.found)


def thumbnail_of_image(
    source: Source, out: Path, *, width: int, limits: Limits, threads: int = 1
) -> MediaFile:
    """Write the image, `width` px wide but not enlarged, on white where it is clear."""

    def plan(full_width: int, full_height: int) -> Layout:
        return fit_size(full_width, full_height, min(width, full_width), even=False)

    made = make_still(source, plan, limits=limits, threads=threads)
    return write_still(made.still, out, "jpeg")
