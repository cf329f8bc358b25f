"""The headers of tus 1.0.0, for resumable uploads (tus.io/protocols/resumable-upload). Pure.

Core, creation, creation-with-upload, expiration and termination. Pure: headers in, headers out.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from email.utils import formatdate

from cluster.errors import InvalidInput, UnsupportedType
from cluster.storage import UploadInfo

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination"
PIECE_TYPE = "application/offset+octet-stream"
_PIECE_TYPES = (PIECE_TYPE, "application/octet-stream")
"""The second one is not tus: clients made from the OpenAPI document know no other."""
_MAX_METADATA_BYTES = 8 << 10


def speaks_tus(headers: Mapping[str, str]) -> bool:
    """Whether the client speaks this version."""
    return headers.get("tus-resumable") == VERSION


def options_headers(max_bytes: int) -> dict[str, str]:
    """What an OPTIONS request is told."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(max_bytes),
    }


def upload_length(headers: Mapping[str, str]) -> int:
    """The `Upload-Length` of a creation. Raises `InvalidInput`."""
    if "upload-defer-length" in headers:
        raise InvalidInput("Upload-Defer-Length is not supported: send Upload-Length")
    return _number(headers, "upload-length")


def upload_offset(headers: Mapping[str, str]) -> int:
    """The `Upload-Offset` of a PATCH. Raises `InvalidInput`."""
    return _number(headers, "upload-offset")


def check_piece_type(headers: Mapping[str, str]) -> None:
    """Raises `UnsupportedType` unless the body is a piece of an upload."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() not in _PIECE_TYPES:
        raise UnsupportedType(f"the Content-Type of a piece must be {PIECE_TYPE}")


def parse_metadata(header: str) -> dict[str, str]:
    """`Upload-Metadata` as {key: base64 value}. Raises `InvalidInput`."""
    if len(header) > _MAX_METADATA_BYTES:
        raise InvalidInput(f"Upload-Metadata: at most {_MAX_METADATA_BYTES} bytes are taken")
    found: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else []:
        key, _, value = pair.strip().partition(" ")
        if not key or not key.isascii() or key in found or _plain(value) is None:
            raise InvalidInput(f"Upload-Metadata: {pair[:80]!r} is not a key and a base64 value")
        found[key] = value.strip()
    return found


def format_metadata(metadata: Mapping[str, str]) -> str:
    """What `parse_metadata` read, as a header again."""
    return ",".join(f"{key} {value}".strip() for key, value in metadata.items())


def metadata_text(metadata: Mapping[str, str], *keys: str) -> str:
    """The first of `keys` that is there, decoded; empty if none is."""
    for key in keys:
        if key in metadata:
            return _plain(metadata[key]) or ""
    return ""


def state_headers(upload: UploadInfo) -> dict[str, str]:
    """Where an upload stands, and until when it can go on."""
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": formatdate(upload.expires_ms / 1000, usegmt=True),
    }


def head_headers(upload: UploadInfo) -> dict[str, str]:
    """Everything that HEAD tells."""
    headers = state_headers(upload) | {
        "Upload-Length": str(upload.length),
        "Cache-Control": "no-store",
    }
    if upload.metadata:
        headers["Upload-Metadata"] = format_metadata(upload.metadata)
    return headers


def _number(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise InvalidInput(f"{name.title()}: must be a whole number of bytes, not {text[:40]!r}")
    return int(text)


def _plain(value: str) -> str | None:
    try:
        return base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
    except ValueError:  # not base64, or (a plain ValueError) not ASCII
        return None
