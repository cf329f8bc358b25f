"""Several pictures in one."""

from __future__ import annotations

from collections.abc import Sequence

from actors.media.frames.colour import BLACK, Colour
from actors.media.frames.frame import Picture, blank
from actors.media.frames.geometry import paste


def mosaic(
    pictures: Sequence[Picture],
    columns: int,
    rows: int | None = None,
    *,
    gap: int = 0,
    background: Colour = BLACK,
) -> Picture:
    """A grid of equally large pictures, filled row by row from the top left.

    `rows` defaults to as many as are needed; missing pictures leave `background`. `gap` px lie
    between cells, none around them. The pitch is size plus gap, with chroma planes rounded up to an
    even number; the result is `pitch * (columns - 1) + width` px wide, and likewise high. Raises
    `ValueError` for no pictures, too many of them, or pictures of different sizes or layouts.
    """
    if not pictures or columns < 1 or gap < 0:
        raise ValueError("a mosaic needs at least one picture, one column, and no negative gap")
    first = pictures[0]
    rows = rows if rows is not None else -(-len(pictures) // columns)
    if len(pictures) > columns * rows:
        raise ValueError(f"{len(pictures)} pictures do not fit into {columns} x {rows} cells")
    for picture in pictures:
        if (picture.layout, picture.planes[0].shape) != (first.layout, first.planes[0].shape):
            raise ValueError("the pictures of a mosaic have one size and layout")
    pitch_x, pitch_y = (
        size + gap + (size + gap) % first.grain for size in (first.width, first.height)
    )
    width = pitch_x * (columns - 1) + first.width
    height = pitch_y * (rows - 1) + first.height
    result = blank(width, height, background, first.layout)
    for index, picture in enumerate(pictures):
        paste(result, picture, index % columns * pitch_x, index // columns * pitch_y)
    return result
