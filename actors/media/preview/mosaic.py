"""A mosaic (contact sheet): moments of a video in a grid, as JPEG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from reelyard.actors.media.frames import (
    Colour,
    Frame,
    matrix_of,
    mosaic,
    overlay,
    pad,
    parse_colour,
    to_av_frame,
    yuv_of,
)
from reelyard.actors.media.operation import Limits, MediaFile, Progress, Source
from reelyard.actors.media.preview.label import label
from reelyard.actors.media.sampling.scaler import UprightScaler, scaled_size
from reelyard.actors.media.sampling.timestamps import format_timestamp
from reelyard.actors.media.sampling.video import Findings, OpenVideo, open_video
from reelyard.actors.media.stills import still_of, write_still

# About 10 min of 1080p30, or a minute of work: what a mosaic decodes at most.
_MOST_PIXELS = 40e9


@dataclass(frozen=True)
class MosaicGrid:
    """How a mosaic is laid out; lengths in px."""

    columns: int
    rows: int
    width: int
    gap: int = 0
    background: str = "#000000"
    timestamps: bool = False

    @property
    def cell_width(self) -> int:
        """The even width of a cell; the mosaic's width less its gaps, divided by the columns."""
        return (self.width - self.gap * (self.columns - 1)) // self.columns & ~1


def write_mosaic(
    source: Source,
    out: Path,
    grid: MosaicGrid,
    *,
    limits: Limits,
    threads: int = 1,
    progress: Progress | None = None,
) -> tuple[MediaFile, list[float], Findings]:
    """Write the mosaic, `grid.width` px wide; returns it, the times of its cells in s, and what was
    found wrong with the video.

    Each cell shows the middle of its share of the video, or of what is there of it. Raises
    `NoSuchStream`, `CorruptMedia`.
    """
    progress = progress or Progress()
    with open_video(source, limits, threads, tick=progress) as video:
        cells, taken_s, like = _cells(video, grid, threads, progress)
        told_s = video.duration_s
        if _falls_short(told_s, taken_s):
            video.measure()
        if video.duration_s < told_s:
            cells, taken_s, like = _cells(video, grid, threads, progress)
        whole = _assembled(cells, grid, _background(grid, like))
        found = video.found
    progress("encode", fraction=0.95)
    return write_still(still_of(to_av_frame(whole, like)), out, "jpeg"), taken_s, found


def _cells(
    video: OpenVideo, grid: MosaicGrid, threads: int, progress: Progress
) -> tuple[list[Frame], list[float], av.VideoFrame]:
    """The cells, their times in s, and a frame that carries their colour tags."""
    times_s = cell_times(video.duration_s, grid.columns * grid.rows)
    width, height = scaled_size(video.width, video.height, grid.cell_width)
    scaler = UprightScaler(video, width, height, threads)
    cells: list[Frame] = []
    taken_s: list[float] = []
    for frame in moments(video, times_s):
        cell, like = scaler.scale(frame)
        taken_s.append(round(video.time_of(frame), 3))
        cells.append(_stamped(cell, taken_s[-1]) if grid.timestamps else cell)
        progress("decode", fraction=0.9 * len(cells) / len(times_s))
    return cells, taken_s, like


def _falls_short(told_s: float, taken_s: Sequence[float]) -> bool:
    """Whether the last cell shows a frame from long before its time: perhaps none came after it."""
    count = len(taken_s)
    return cell_times(told_s, count)[-1] - taken_s[-1] > told_s / count / 2


def cell_times(duration_s: float, count: int) -> list[float]:
    """The middles of `count` equal parts of the video, in s."""
    return [duration_s * (index + 0.5) / count for index in range(count)]


def moments(video: OpenVideo, times_s: Sequence[float]) -> Iterator[av.VideoFrame]:
    """A frame for each of the evenly spaced `times_s`.

    The key frame before it, found by a search, if it lies within half the spacing; else the exact
    frame, decoded from that key frame. Where key frames are rarer than moments, the rest of the
    video is decoded through once; videos too large for that show key frames, some perhaps twice.
    """
    spacing_s = times_s[1] - times_s[0] if len(times_s) > 1 else video.duration_s
    pixels = video.width * video.height * video.fps * video.duration_s
    for index, time_s in enumerate(times_s):
        frame = video.key_frame_at(time_s)
        away_s = spacing_s if frame is None else abs(time_s - video.time_of(frame))
        if frame is not None and (away_s <= spacing_s / 2 or pixels > _MOST_PIXELS):
            yield frame
        elif frame is not None and away_s < spacing_s:
            yield next(video.shown_at([time_s]))
        else:
            yield from video.shown_at(times_s[index:])
            return


def _stamped(cell: Frame, time_s: float) -> Frame:
    cell = cell.copy()
    tag = label(format_timestamp(time_s), cell.height // 7)
    margin = max(2, cell.height // 40)
    x, y = cell.width - tag.width - margin, cell.height - tag.height - margin
    overlay(cell, tag, x, y)
    return cell


def _assembled(cells: Sequence[Frame], grid: MosaicGrid, background: Colour) -> Frame:
    whole = mosaic(cells, grid.columns, grid.rows, gap=grid.gap, background=background)
    width = max(whole.width, grid.width)
    if width == whole.width or cells[0].width < grid.cell_width:
        return whole
    return pad(whole, width, whole.height, (width - whole.width) // 2, 0, background)


def _background(grid: MosaicGrid, like: av.VideoFrame) -> Colour:
    return yuv_of(parse_colour(grid.background)[:3], matrix_of(like))
