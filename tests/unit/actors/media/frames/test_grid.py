"""Grids of frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.frames import Colour, Frame, blank, crop, mosaic
from tests.unit.actors.media.frames.frame_strategies import colours, frames, same


@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 5),
    colours,
    st.lists(frames(width=st.just(5), height=st.just(4)), min_size=1, max_size=12),
)
def test_every_cell_of_a_mosaic_holds_its_frame(
    columns: int, rows: int, gap: int, background: Colour, cells: list[Frame]
) -> None:
    cells = [cell for cell in cells if cell.layout == cells[0].layout][: columns * rows]
    sheet = mosaic(cells, columns, rows, gap=gap, background=background)
    pitch_x, pitch_y = (size + gap for size in (5, 4))
    if cells[0].layout != "gray":
        pitch_x, pitch_y = pitch_x + pitch_x % 2, pitch_y + pitch_y % 2
    assert (sheet.width, sheet.height) == (pitch_x * (columns - 1) + 5, pitch_y * (rows - 1) + 4)
    for index in range(columns * rows):
        x, y = index % columns * pitch_x, index // columns * pitch_y
        cell = crop(sheet, x, y, 5, 4)
        wanted = cells[index] if index < len(cells) else blank(5, 4, background, cells[0].layout)
        assert same(cell, wanted)


def test_a_mosaic_without_rows_takes_as_many_as_it_needs() -> None:
    assert mosaic([blank(2, 2)] * 5, 2).height == 6


@pytest.mark.parametrize(
    ("cells", "columns", "rows"),
    [([], 1, 1), ([blank(2, 2)] * 3, 1, 2), ([blank(2, 2), blank(4, 2)], 2, 1)],
)
def test_a_mosaic_that_can_not_be_filled_is_refused(
    cells: list[Frame], columns: int, rows: int
) -> None:
    with pytest.raises(ValueError, match=r"mosaic|fit"):
        mosaic(cells, columns, rows)
