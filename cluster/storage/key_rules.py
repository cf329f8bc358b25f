"""Names inside a store: which keys are allowed, and where what lies.

    tenants/<tenant>/jobs/<job_id>/<task>-<fence>/<name>              outputs
    tenants/<tenant>/uploads/<upload_id>/info.json, part-<offset>     uploads
    tenants/<tenant>/dlb/<key>                                        Dolby's temporary storage

Pure.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from email.message import Message
from urllib.parse import quote, unquote_to_bytes

from cluster.errors import BadRequest

SCHEME = "storage:"
TENANTS = "tenants"
TEMP_PREFIX = ".part-"
"""Files still being written on a local disk begin so; no key may."""

_EXTENDED = re.compile(r"filename\*\s*=\s*([\w-]+)'[^']*'([^;]*)", re.IGNORECASE)
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
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in segment):
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


def safe_name(name: str, fallback: str = "file") -> str:
    """A file name made from what a client sent: its last segment, without what keys refuse.

    At most 200 bytes, the suffix kept; `fallback` when nothing is left.
    """
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cs"))
    name = name.strip().lstrip(".")
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem or len(suffix.encode()) > 16:
        stem, suffix = name, ""
    tail = f".{suffix}" if suffix else ""
    room = 200 - len(tail.encode())
    return (stem.encode()[:room].decode(errors="ignore") + tail) if stem else fallback


def job_prefix(tenant: str, job_id: str) -> str:
    """The folder of everything that a job has stored, ending in `/`."""
    return f"{TENANTS}/{check_segment(tenant)}/jobs/{check_segment(job_id)}/"


def attempt_folder(task: str, fence: int) -> str:
    """The folder of one attempt within that of its job."""
    return f"{check_segment(task)}-{fence}"


def output_key(tenant: str, job_id: str, task: str, fence: int, name: str) -> str:
    """Where an attempt puts one of its outputs: no two attempts share a key."""
    folder = job_prefix(tenant, job_id) + attempt_folder(task, fence)
    return check_key(f"{folder}/{safe_name(name)}")


def uploads_prefix(tenant: str) -> str:
    """The folder of a tenant's uploads, ending in `/`."""
    return f"{TENANTS}/{check_segment(tenant)}/uploads/"


def upload_prefix(tenant: str, upload_id: str) -> str:
    """The folder of one upload, ending in `/`."""
    return f"{uploads_prefix(tenant)}{check_segment(upload_id)}/"


def upload_location(tenant: str, upload_id: str) -> str:
    """The location that names a whole upload, as job inputs carry it."""
    return SCHEME + upload_prefix(tenant, upload_id)


def answers_prefix(tenant: str) -> str:
    """The folder of first answers to requests with an idempotency key, ending in `/`."""
    return f"{TENANTS}/{check_segment(tenant)}/answers/"


def dlb_prefix(tenant: str) -> str:
    """The folder of a tenant's `dlb://` objects, ending in `/`."""
    return f"{TENANTS}/{check_segment(tenant)}/dlb/"


def dlb_key(tenant: str, url: str) -> str:
    """The key of `dlb://a/b.wav` (or of `a/b.wav`). Raises `BadRequest`."""
    return check_key(dlb_prefix(tenant) + url.removeprefix("dlb://").lstrip("/"))


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
