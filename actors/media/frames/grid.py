"""A grid of frames in one frame."""

from __future__ import annotations

from collections.abc import Sequence

from reelyard.actors.media.frames.colour import BLACK, Colour
from reelyard.actors.media.frames.frame import Frame, blank
from reelyard.actors.media.frames.geometry import paste


def mosaic(
    frames: Sequence[Frame],
    columns: int,
    rows: int | None = None,
    *,
    gap: int = 0,
    background: Colour = BLACK,
) -> Frame:
    """A grid of equally large frames, filled row by row from the top left.

    `rows` defaults to as many as are needed; missing frames leave `background`. `gap` px lie
    between cells, none around them. The pitch is size plus gap, with chroma planes rounded up to an
    even number; the result is `pitch * (columns - 1) + width` px wide, and likewise high. Raises
    `ValueError` for no frames, too many of them, or frames of different sizes or layouts.
    """
    if not frames or columns < 1 or gap < 0:
        raise ValueError("a mosaic needs at least one frame, one column, and no negative gap")
    first = frames[0]
    rows = rows if rows is not None else -(-len(frames) // columns)
    if len(frames) > columns * rows:
        raise ValueError(f"{len(frames)} frames do not fit into {columns} x {rows} cells")
    for frame in frames:
        if (frame.layout, frame.planes[0].shape) != (first.layout, first.planes[0].shape):
            raise ValueError("the frames of a mosaic have one size and layout")
    pitch_x, pitch_y = (
        size + gap + (size + gap) % first.grain for size in (first.width, first.height)
    )
    width = pitch_x * (columns - 1) + first.width
    height = pitch_y * (rows - 1) + first.height
    result = blank(width, height, background, first.layout)
    for index, frame in enumerate(frames):
        paste(result, frame, index % columns * pitch_x, index // columns * pitch_y)
    return result
