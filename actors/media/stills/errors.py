"""Pillow's failures as Reelyard's errors, and its guard against pixel bombs."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from reelyard.actors.media.codec.errors import media_errors
from reelyard.cluster.errors import CorruptMedia, LimitExceeded, ReelyardError, UnsupportedCodec

# What Pillow's readers raise on damaged files, beside OSError.
_DAMAGE = (
    SyntaxError,
    ValueError,
    struct.error,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    EOFError,
)


@contextmanager
def still_errors(name: str, max_pixels: int) -> Iterator[None]:
    """Guard everything that lets Pillow read the image called `name`.

    Pillow's own limit becomes `max_pixels` and an error: also for images inside a file (icons,
    animations), whose size its header does not tell. The limit and the warning filter are global,
    so one process reads one image at a time.
    """
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings(), media_errors(name):
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with _pillow_errors(name, max_pixels):
                yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


@contextmanager
def _pillow_errors(name: str, max_pixels: int) -> Iterator[None]:
    try:
        yield
    except ReelyardError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        found = re.search(r"\((\d+) pixels\)", str(error))
        raise too_many_pixels(name, int(found[1]) if found else None, max_pixels) from error
    except UnidentifiedImageError as error:
        raise CorruptMedia(f"{name!r} is damaged or is not an image") from error
    except NotImplementedError as error:
        raise UnsupportedCodec(f"{name!r} is an image of a kind that has no decoder") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise CorruptMedia(f"{name!r} is damaged: {_said(error)}", internal=repr(error)) from error
    except _DAMAGE as error:
        raise CorruptMedia(f"{name!r} is damaged: {_said(error)}", internal=repr(error)) from error


def too_many_pixels(name: str, pixels: int | None, max_pixels: int) -> LimitExceeded:
    """The error for an image over the limit; `pixels` is None where only that is known."""
    count = "too many" if pixels is None else f"{pixels:,}"
    return LimitExceeded(
        f"{name!r} has {count} pixels; at most {max_pixels:,} are taken",
        details={"limit": "max_pixels", "value": pixels, "allowed": max_pixels},
    )


def _said(error: BaseException) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    # Pillow puts paths of the server into some messages.
    return "it can't be decoded" if "/" in text or "\\" in text else text
