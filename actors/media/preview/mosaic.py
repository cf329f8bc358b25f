"""A contact sheet: moments of a film in a grid, as JPEG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from actors.media.frames import (
    Colour,
    Picture,
    matrix_of,
    mosaic,
    overlay,
    pad,
    parse_colour,
    yuv_of,
)
from actors.media.operation import Limits, MediaFile, Progress, Source
from actors.media.preview.label import label
from actors.media.sampling.times import cell_times, clock
from actors.media.sampling.video import Film, Painter, open_film, scaled_size
from actors.media.stills import still_of, write_still

# About 10 min of 1080p30, or a minute of work: what a sheet decodes at most.
_MOST_PIXELS = 40e9


@dataclass(frozen=True)
class Grid:
    """How a sheet is laid out; lengths in px."""

    columns: int
    rows: int
    width: int
    gap: int = 0
    background: str = "#000000"
    timestamps: bool = False

    @property
    def cell_width(self) -> int:
        """The even width of a cell; the sheet's width less its gaps, divided by the columns."""
        return (self.width - self.gap * (self.columns - 1)) // self.columns & ~1


def write_sheet(
    source: Source,
    out: Path,
    grid: Grid,
    *,
    limits: Limits,
    threads: int = 1,
    progress: Progress | None = None,
) -> tuple[MediaFile, list[float]]:
    """Write the sheet, `grid.width` px wide; returns it and the times of its cells in s.

    Each cell shows the middle of its share of the film. Raises `NoSuchStream`, `CorruptMedia`.
    """
    progress = progress or Progress()
    with open_film(source, limits, threads) as film:
        times_s = cell_times(film.duration_s, grid.columns * grid.rows)
        width, height = scaled_size(film.width, film.height, grid.cell_width)
        painter = Painter(film, width, height, threads)
        cells: list[Picture] = []
        taken_s: list[float] = []
        for frame in moments(film, times_s):
            picture, like = painter.paint(frame)
            taken_s.append(round(film.time_of(frame), 3))
            cells.append(_stamped(picture, taken_s[-1]) if grid.timestamps else picture)
            progress("decode", fraction=0.9 * len(cells) / len(times_s))
        sheet = _assembled(cells, grid, _background(grid, like))
    progress("encode", fraction=0.95)
    return write_still(still_of(sheet, like), out, "jpeg"), taken_s


def moments(film: Film, times_s: Sequence[float]) -> Iterator[av.VideoFrame]:
    """A frame for each of the evenly spaced `times_s`.

    The key frame before it, found by a search, if it lies within half the spacing; else the exact
    frame, decoded from that key frame. Where key frames are rarer than moments, the rest of the
    film is decoded through once; films too large for that show key frames, some perhaps twice.
    """
    spacing_s = times_s[1] - times_s[0] if len(times_s) > 1 else film.duration_s
    pixels = film.width * film.height * film.fps * film.duration_s
    for index, time_s in enumerate(times_s):
        frame = film.key_frame_at(time_s)
        away_s = spacing_s if frame is None else abs(time_s - film.time_of(frame))
        if frame is not None and (away_s <= spacing_s / 2 or pixels > _MOST_PIXELS):
            yield frame
        elif frame is not None and away_s < spacing_s:
            yield next(film.shown_at([time_s]))
        else:
            yield from film.shown_at(times_s[index:])
            return


def _stamped(picture: Picture, time_s: float) -> Picture:
    picture = picture.copy()
    tag = label(clock(time_s), picture.height // 7)
    margin = max(2, picture.height // 40)
    x, y = picture.width - tag.width - margin, picture.height - tag.height - margin
    overlay(picture, tag, x, y)
    return picture


def _assembled(cells: Sequence[Picture], grid: Grid, background: Colour) -> Picture:
    sheet = mosaic(cells, grid.columns, grid.rows, gap=grid.gap, background=background)
    width = max(sheet.width, grid.width)
    if width == sheet.width or cells[0].width < grid.cell_width:
        return sheet
    return pad(sheet, width, sheet.height, (width - sheet.width) // 2, 0, background)


def _background(grid: Grid, like: av.VideoFrame) -> Colour:
    return yuv_of(parse_colour(grid.background)[:3], matrix_of(like))
