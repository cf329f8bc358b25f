"""The types that parameters of several operations share: lengths, positions, colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from reelyard.actors.media.codec import geometry
from reelyard.actors.media.frames import parse_colour

MOST_PX = 16_384


def length_from(least: int) -> Callable[[object], object]:
    """A validator of lengths: `least` to `MOST_PX` px, also as digits, or a share such as '50%'."""

    def checked(value: object) -> object:
        if isinstance(value, int | str) and not isinstance(value, bool):
            return within(value)
        raise ValueError("a length is a number of pixels or a share such as '50%'")

    def within(value: int | str) -> int | str:
        length = geometry.parse_length(value)
        if not isinstance(length, int):
            return value
        if not least <= length <= MOST_PX:
            raise ValueError(f"a length lies between {least} and {MOST_PX} pixels, not {length}")
        return length

    return checked


def _checked_colour(value: str) -> str:
    parse_colour(value)
    return value


def _opaque_colour(value: str) -> str:
    *rgb, alpha = parse_colour(value)
    if alpha != 255:
        raise ValueError(f"a colour that nothing shines through is needed, not {value!r}")
    return "#" + bytes(rgb).hex()


def _position_name(value: object) -> object:
    return geometry.parse_position(value) if isinstance(value, str) else value


Position = Annotated[geometry.Position, BeforeValidator(_position_name)]
HexColour = Annotated[str, AfterValidator(_checked_colour)]
"""#rgb, #rgba, #rrggbb or #rrggbbaa, as it was given."""
OpaqueColour = Annotated[str, AfterValidator(_opaque_colour)]
"""The same without transparency; comes out as #rrggbb."""
