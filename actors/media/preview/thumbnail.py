"""A single picture of a film, as JPEG."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import av

from actors.media.codec.geometry import Layout, fit_size
from actors.media.codec.source import identify, tells_by_header
from actors.media.operation import Limits, MediaFile, Source
from actors.media.sampling.video import Film, Painter, open_film, scaled_size
from actors.media.stills import Still, make_still, refuse_behind_end, still_of, write_still
from cluster.errors import CorruptMedia, MediaError

DEFAULT_SHARE = 0.25


def thumbnail_of_film(
    source: Source,
    out: Path,
    *,
    width: int,
    timestamp_s: float | None,
    exact: bool = False,
    limits: Limits,
    threads: int = 1,
) -> tuple[MediaFile, float]:
    """Write the frame on show at `timestamp_s`, `width` px wide; returns it and its time in s.

    Without a time, the key frame at or before a quarter of the film: it needs no decoding of the
    frames before it; with `exact` the frame at the quarter itself. Raises `MediaError` for a time
    behind the end, `NoSuchStream`, `CorruptMedia`.
    """
    shown = None
    if timestamp_s is None and not exact and tells_by_header(identify(source.path, source.name)):
        shown = _by_header(source, width, limits, threads)
    if shown is None:
        shown = _shown(source, width, timestamp_s, exact, limits, threads)
    still, time_s = shown
    return write_still(still, out, "jpeg", progressive=False), time_s


def _by_header(
    source: Source, width: int, limits: Limits, threads: int
) -> tuple[Still, float] | None:
    """The default picture, without the frame that FFmpeg decodes to complete a header: that one
    would cost as much as the picture itself. None where the header doesn't suffice, or lies."""
    with (
        suppress(MediaError),
        open_film(source, limits, threads, header_only=True) as film,
    ):
        frame = film.key_frame_at(film.duration_s * DEFAULT_SHARE)
        if frame is not None and film.header_holds:
            return _painted(film, frame, width, threads)
    return None


def _shown(
    source: Source,
    width: int,
    timestamp_s: float | None,
    exact: bool,
    limits: Limits,
    threads: int,
) -> tuple[Still, float]:
    with open_film(source, limits, threads) as film:
        if timestamp_s is not None:
            refuse_behind_end("timestamp", timestamp_s, film.duration_s, source.name)
        quarter_s = film.duration_s * DEFAULT_SHARE
        if timestamp_s is None and not exact:
            frame = _near(film, quarter_s)
        else:
            frame = next(film.shown_at([quarter_s if timestamp_s is None else timestamp_s]))
        return _painted(film, frame, width, threads)


def _painted(film: Film, frame: av.VideoFrame, width: int, threads: int) -> tuple[Still, float]:
    painter = Painter(film, *scaled_size(film.width, film.height, width), threads)
    return still_of(*painter.paint(frame)), round(film.time_of(frame), 3)


def _near(film: Film, time_s: float) -> av.VideoFrame:
    frame = film.key_frame_at(time_s) or next(film.shown_at([time_s]), None)
    if frame is None:
        raise CorruptMedia(f"{film.name!r}: no picture could be decoded")
    return frame


def thumbnail_of_still(
    source: Source, out: Path, *, width: int, limits: Limits, threads: int = 1
) -> MediaFile:
    """Write the picture, `width` px wide but not enlarged, on white where it is clear."""

    def plan(full_width: int, full_height: int) -> Layout:
        return fit_size(full_width, full_height, min(width, full_width), even=False)

    made = make_still(source, plan, limits=limits, threads=threads)
    return write_still(made.still, out, "jpeg")
