"""Composition of a still: scaled, cropped and padded as a layout says."""

from __future__ import annotations

from PIL import Image

from reelyard.actors.media.codec.geometry import Layout
from reelyard.actors.media.stills.colour import to_srgb
from reelyard.actors.media.stills.reader import Still

Rgba = tuple[int, int, int, int]


def decode_size(layout: Layout) -> tuple[int, int]:
    """The size (width, height) that a decoder may reduce to without harm to the result.

    Twice the wanted size: the filter still has samples to work with (as Pillow's `thumbnail`).
    """
    return 2 * layout.scale_w, 2 * layout.scale_h


def compose(still: Still, layout: Layout, background: Rgba | None = None) -> Still:
    """`still` laid out as `layout` says, by Lanczos, and, if given, over `background`.

    `background` (r, g, b, a) then lies under clear pixels and around the image; None keeps alpha
    and leaves the border clear. Alpha is filtered premultiplied, so that clear pixels do not
    colour their neighbours. The ICC profile stays as long as grey stays grey and colour colour.
    """
    image = _resized(still.image, layout)
    if not layout.pads and (background is None or image.mode in ("L", "RGB")):
        return Still(image, still.icc)
    colour = background or (0, 0, 0, 0)
    grey = image.mode in ("L", "LA") and len(set(colour[:3])) == 1
    if not grey and image.mode in ("L", "LA"):
        # A grey profile does not describe the colours around it.
        image = to_srgb(image, still.icc)
    canvas = Image.new("RGBA", (layout.width, layout.height), colour)
    canvas.alpha_composite(image.convert("RGBA"), (layout.pad_x, layout.pad_y))
    clear = colour[3] < 255
    mode = ("LA" if clear else "L") if grey else ("RGBA" if clear else "RGB")
    kept = grey == still.image.mode.startswith("L")
    return Still(canvas.convert(mode), still.icc if kept else None)


def _resized(image: Image.Image, layout: Layout) -> Image.Image:
    crop = layout.crop
    scale_x, scale_y = image.width / layout.scale_w, image.height / layout.scale_h
    box = (
        crop.x * scale_x,
        crop.y * scale_y,
        min(image.width, (crop.x + crop.width) * scale_x),
        min(image.height, (crop.y + crop.height) * scale_y),
    )
    if scale_x == scale_y == 1:
        return image.crop((crop.x, crop.y, crop.x + crop.width, crop.y + crop.height))
    return image.resize(
        (crop.width, crop.height), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0
    )
