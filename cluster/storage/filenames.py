"""File names as strangers send them: made safe to store, written into a header, read out of one.

Pure.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from email.message import Message
from urllib.parse import quote, unquote_to_bytes

from reelyard.cluster.readable_text import readable
from reelyard.cluster.storage.key_rules import NOT_IN_NAMES

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


MAX_NAME_BYTES = 255
"""What a file system takes: ext4, XFS, APFS and their like."""
_ROOM_BYTES = 240
"""Of them a name may fill so many if others are made of it, with longer suffixes."""


def fitted_name(name: str) -> str:
    """A file's own name, as outputs can be called after it: UTF-8, and with room for another
    suffix. One that is changed gets a mark of the whole in it, so that no two become one."""
    clean = readable(name)
    if clean == name and len(name.encode()) <= _ROOM_BYTES:
        return name
    whole = name.encode("utf-8", "surrogatepass")
    tail = f"-{hashlib.blake2b(whole, digest_size=4).hexdigest()}{_suffix(clean)}"
    stem = clean.removesuffix(_suffix(clean)).encode()[: _ROOM_BYTES - len(tail.encode())]
    return stem.decode(errors="ignore") + tail


def part_name(name: str, ending: str) -> str:
    """The name of a file that will be called `name` when it is whole; not too long itself."""
    whole = name.encode("utf-8", "surrogateescape")
    if len(whole) + len(ending.encode()) > MAX_NAME_BYTES:
        name = hashlib.blake2b(whole, digest_size=16).hexdigest()
    return name + ending


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f".{suffix}" if stem and dot and len(suffix.encode()) <= 16 else ""


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
