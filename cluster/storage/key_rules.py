"""The rules for keys: which names a store may hold, whatever they stand for. Pure."""

from __future__ import annotations

import re

from reelyard.cluster.errors import BadRequest

TEMP_PREFIX = ".part-"
"""Files still being written on a local disk begin so; no key may."""

NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and surrogates: Unicode's categories Cc and Cs, whole."""

_MAX_KEY_BYTES = 1024
_MAX_SEGMENT_BYTES = 255


def check_key(key: str) -> str:
    """`key`, if a store may hold it. Raises `BadRequest`.

    Allowed: up to 1,024 bytes of UTF-8 (the limit of S3), segments of 1 to 255 bytes parted by
    `/`; no `.` or `..`, no backslash, no control character, no leading or trailing `/`.
    """
    if not key or len(key.encode("utf-8", "surrogatepass")) > _MAX_KEY_BYTES:
        raise BadRequest(f"storage key: must have 1 to {_MAX_KEY_BYTES} bytes, not {key[:80]!r}…")
    if key.startswith("/"):
        raise BadRequest(f"storage key: must not be absolute: {key!r}")
    for segment in key.split("/"):
        check_segment(segment, what="storage key")
    return key


def check_segment(segment: str, *, what: str = "name") -> str:
    """One part of a key: see `check_key`. Raises `BadRequest`."""
    if segment in ("", ".", ".."):
        raise BadRequest(f"{what}: a part of it is {segment!r}")
    if "/" in segment or "\\" in segment:
        raise BadRequest(f"{what}: {segment!r} holds a slash or backslash")
    if NOT_IN_NAMES.search(segment):
        raise BadRequest(f"{what}: {segment!r} holds a control character")
    if len(segment.encode()) > _MAX_SEGMENT_BYTES:
        raise BadRequest(f"{what}: a part is longer than {_MAX_SEGMENT_BYTES} bytes")
    if segment.startswith(TEMP_PREFIX):
        raise BadRequest(f"{what}: must not begin with {TEMP_PREFIX!r}")
    return segment


def check_prefix(prefix: str) -> str:
    """`prefix` without a trailing `/`, checked like a key; empty: the whole store."""
    prefix = prefix.rstrip("/")
    return check_key(prefix) if prefix else ""
