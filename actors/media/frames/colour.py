"""Colours: hexadecimal text to RGB, RGB to the samples of a YUV frame."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Matrix = Literal["bt601", "bt709"]

_HEX = re.compile(r"#?([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")

# Luma weights of red and blue: ITU-R BT.601-7, section 2.5.1; ITU-R BT.709-6, section 3.2.
_WEIGHTS: dict[Matrix, tuple[float, float]] = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}


class Colour(NamedTuple):
    """A colour as 8-bit samples, in the order of a frame's planes; `a` 255 is opaque."""

    y: int
    u: int
    v: int
    a: int = 255


BLACK = Colour(16, 128, 128)
"""Black in limited ("tv") range."""


def parse_colour(text: str) -> tuple[int, int, int, int]:
    """`#rgb`, `#rgba`, `#rrggbb` or `#rrggbbaa` (the `#` may be missing) as (r, g, b, a), 0 to 255.

    Raises `ValueError` for anything else.
    """
    if not (match := _HEX.fullmatch(text.strip())):
        raise ValueError(f"a colour is #rgb, #rrggbb or #rrggbbaa, not {text!r}")
    digits = match[1]
    if len(digits) <= 4:
        digits = "".join(digit * 2 for digit in digits)
    r, g, b, a = bytes.fromhex(digits.ljust(8, "f"))
    return r, g, b, a


def yuv_of(
    rgb: tuple[int, int, int], matrix: Matrix = "bt709", *, full_range: bool = False
) -> Colour:
    """The YUV samples of an RGB colour (each 0 to 255).

    Y' = Kr R' + Kg G' + Kb B', Cb = (B' - Y') / (2 (1 - Kb)), Cr = (R' - Y') / (2 (1 - Kr)),
    quantised to 219 Y' + 16 and 224 C + 128 in limited range: ITU-R BT.709-6, sections 3.2 to 3.4
    and 4.6, and BT.601-7, section 2.5. Full range is JFIF's: 255 Y' and 255 C + 128 (ITU-T T.871,
    section 7), clipped to 255.
    """
    kr, kb = _WEIGHTS[matrix]
    r, g, b = (value / 255 for value in rgb)
    luma = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - luma) / (2 * (1 - kb)), (r - luma) / (2 * (1 - kr))
    luma_scale, offset, chroma_scale = (255, 0, 255) if full_range else (219, 16, 224)
    return Colour(
        round(luma_scale * luma + offset),
        min(255, round(chroma_scale * cb + 128)),
        min(255, round(chroma_scale * cr + 128)),
    )
