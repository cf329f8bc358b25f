"""The operation `image`: still images resized and converted, stills taken from videos."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from reelyard.actors.media.catalogue import operation
from reelyard.actors.media.codec import geometry
from reelyard.actors.media.codec.source import check_output_pixels
from reelyard.actors.media.frames import parse_colour
from reelyard.actors.media.operation import Params, Result, Work
from reelyard.actors.media.param_types import MOST_PX, HexColour, Position, length_from
from reelyard.actors.media.stills import (
    EXTENSIONS,
    ImageFormat,
    Quality,
    make_still,
    write_still,
)

Length = Annotated[int | str, BeforeValidator(length_from(1))]


def _format_name(value: object) -> object:
    name = value.lower() if isinstance(value, str) else value
    return "jpeg" if name == "jpg" else name


class ImageParams(Params):
    """Resize or convert an image, or take a still from a video.

    Orientation and clean aperture are applied and the ICC profile kept; other metadata is dropped.
    Of an animated image the first frame is taken.
    """

    format: Annotated[ImageFormat, BeforeValidator(_format_name)] = Field(
        "jpeg", description="format of the output"
    )
    quality: Quality = Field(
        "high", description="a name, or 1 to 100 for the encoder; PNG is always lossless"
    )
    width: Length | None = Field(
        None,
        description=f"width in px, 1 to {MOST_PX}, or a share of the input's such as '50%'; "
        "unset: follows from height",
    )
    height: Length | None = Field(
        None, description="height, like width; neither set: the size stays"
    )
    fit: geometry.Fit = Field(
        "contain",
        description="with width and height: contain shows all of the image, cover fills the box "
        "and cuts the rest, fill stretches",
    )
    position: Position = Field(
        "center", description="where the image lies in the box, or which part of it is kept"
    )
    background: HexColour | None = Field(
        None,
        description="hex colour (#rgb, #rrggbb, #rrggbbaa) laid under clear pixels and, with "
        "contain, around the image up to width x height; unset: clear pixels stay clear (white "
        "in JPEG) and nothing is laid around",
    )
    start: float = Field(0, ge=0, description="seconds into a video input; stills ignore it")


@operation("image", params=ImageParams, lane="light", kind="image")
def image(work: Work[ImageParams]) -> Result:
    """Write `<stem>.<jpg|png|webp|avif>`."""
    params, source = work.params, work.input
    background = parse_colour(params.background) if params.background else None
    made = make_still(
        source,
        lambda width, height: _layout(params, width, height, work),
        time_s=params.start,
        background=background,
        limits=work.limits,
        threads=work.threads,
    )
    work.progress("encode", fraction=0.5)
    target = work.out_dir / f"{source.stem}{EXTENSIONS[params.format]}"
    written = write_still(
        made.still,
        target,
        params.format,
        quality=params.quality,
        background=background[:3] if background else None,
        threads=work.threads,
    )
    work.progress("encode", fraction=1.0)
    data = {"width": written.facts["width"], "height": written.facts["height"]}
    return Result([written], data | ({"notes": list(made.notes)} if made.notes else {}))


def _layout(
    params: ImageParams, width: int, height: int, work: Work[ImageParams]
) -> geometry.Layout:
    layout = geometry.fit_size(
        width,
        height,
        params.width,
        params.height,
        params.fit,
        position=params.position,
        pad=params.background is not None,
        even=False,
    )
    check_output_pixels(layout.width, layout.height, work.limits, work.input.name)
    return layout
