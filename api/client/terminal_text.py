"""Text of others on a terminal: names of files, messages, notes."""

from __future__ import annotations

from reelyard.cluster.readable_text import printable


def escape(text: str) -> str:
    """`text` on one line, without commands to the terminal or to rich."""
    from rich.markup import escape as without_markup

    return without_markup(printable(text))
