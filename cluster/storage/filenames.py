"""File names as strangers send them: made safe to store, written into a header, read out of one.

Pure.
"""

from __future__ import annotations

import re
from contextlib import suppress
from email.message import Message
from urllib.parse import quote, unquote_to_bytes

from cluster.storage.key_rules import NOT_IN_NAMES

_EXTENDED = re.compile(r"filename\*\s*=\s*([\w-]+)'[^']*'([^;]*)", re.IGNORECASE)


def safe_name(name: str, fallback: str = "file") -> str:
    """A file name made from what a client sent: its last segment, without what keys refuse.

    At most 200 bytes, the suffix kept; `fallback` when nothing is left.
    """
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = NOT_IN_NAMES.sub("", name).strip().lstrip(".")
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem or len(suffix.encode()) > 16:
        stem, suffix = name, ""
    tail = f".{suffix}" if suffix else ""
    room = 200 - len(tail.encode())
    return (stem.encode()[:room].decode(errors="ignore") + tail) if stem else fallback


def content_disposition(filename: str, disposition: str = "attachment") -> str:
    """The header that makes browsers save under `filename`.

    RFC 6266, with the extended form of RFC 8187 (was 5987) where the plain one can't hold the name.
    """
    plain = filename.encode("ascii", "replace").decode().replace("?", "_")
    plain = "".join("_" if char in '"\\%' or not char.isprintable() else char for char in plain)
    header = f'{disposition}; filename="{plain}"'
    # Readers strip the plain form, so a space at its end survives in the extended one only.
    if plain == filename.strip() == filename:
        return header
    return f"{header}; filename*=UTF-8''{quote(filename, safe='')}"


def disposition_filename(header: str) -> str | None:
    """The file name in a Content-Disposition header, the extended form first (RFC 6266, 4.3)."""
    if match := _EXTENDED.search(header):
        with suppress(LookupError, UnicodeDecodeError):
            return unquote_to_bytes(match[2].strip()).decode(match[1])
    message = Message()
    message["content-disposition"] = header.encode("ascii", "replace").decode()
    return message.get_filename()
