"""Text that can be written as UTF-8, whatever names of files it came from. Pure."""

from __future__ import annotations

import re
import traceback

MAX_TRACEBACK = 6000

# C0, DEL and C1 controls, and the formatting of bidirectional text (UAX 9, section 2).
_COMMANDS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def readable(text: str) -> str:
    """`text` with U+FFFD in place of what is no character: bytes of a file name that are not
    UTF-8 (PEP 383), halves of surrogate pairs."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def printable(text: str) -> str:
    """`text` as it may go to a terminal, on one line: what would move its cursor, change its
    colours or the direction of its letters shows as an escape instead (`\\x1b`, `\\u202e`)."""
    return _COMMANDS.sub(lambda found: ascii(found[0])[1:-1], readable(text))


def traceback_text(error: BaseException, *, without: str = "") -> str:
    """The traceback of `error`, from behind the frames of the file `without`; of a long one the
    last `MAX_TRACEBACK` characters, which name the error."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == without:
        frames = frames.tb_next
    lines = traceback.format_exception(type(error), error, frames)
    return readable("".join(lines))[-MAX_TRACEBACK:]
