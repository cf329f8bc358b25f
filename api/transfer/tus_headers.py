"""The headers of tus 1.0.0, for resumable uploads (tus.io/protocols/resumable-upload).

The core and all extensions but two: `checksum-trailer` (trailers are not taken) and
`concatenation-unfinished`. Pure: headers in, headers out.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

from reelyard.cluster.errors import InvalidInput, ReelyardError, UnsupportedType
from reelyard.cluster.faults import told_of
from reelyard.cluster.storage import Checksum, UploadInfo
from reelyard.cluster.storage.checksums import ALGORITHMS

VERSION = "1.0.0"
EXTENSIONS = (
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,"
    "concatenation"
)
PIECE_TYPE = "application/offset+octet-stream"
_PIECE_TYPES = (PIECE_TYPE, "application/octet-stream")
"""The second one is not tus: clients made from the OpenAPI document know no other."""
_MAX_METADATA_BYTES = 8 << 10
_UPLOAD_URL = re.compile(r"(?:\S*/)?([^/\s?#]+)")
"""Absolute or relative; only the upload's own name in it counts."""


@dataclass(frozen=True)
class Concat:
    """An `Upload-Concat`, as it was sent and as it is meant."""

    header: str
    upload_ids: tuple[str, ...] = ()
    """Of the uploads to join; none: it is to be such a part itself."""


def speaks_tus(headers: Mapping[str, str]) -> bool:
    """Whether the client speaks this version."""
    return headers.get("tus-resumable") == VERSION


def options_headers(max_bytes: int) -> dict[str, str]:
    """What an OPTIONS request is told."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(max_bytes),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }


def creation_length(headers: Mapping[str, str]) -> int | None:
    """The `Upload-Length` of a creation; None: it is deferred. Raises `InvalidInput`."""
    if (deferred := headers.get("upload-defer-length")) is None:
        return _number(headers, "upload-length")
    if deferred != "1":
        raise _unfit("Upload-Defer-Length", f"must be 1, not {deferred[:40]!r}", deferred, "1")
    if "upload-length" in headers:
        raise InvalidInput("Upload-Length and Upload-Defer-Length: send one of them")
    return None


def upload_length(headers: Mapping[str, str]) -> int | None:
    """The `Upload-Length` of a PATCH, if it tells one. Raises `InvalidInput`."""
    return _number(headers, "upload-length") if "upload-length" in headers else None


def upload_concat(headers: Mapping[str, str]) -> Concat | None:
    """The `Upload-Concat` of a creation. Raises `InvalidInput`."""
    if (header := headers.get("upload-concat")) is None:
        return None
    kind, semicolon, urls = header.partition(";")
    if header.strip() == "partial":
        return Concat("partial")
    if kind.strip() != "final" or not semicolon or not urls.split():
        allowed = (
            "`partial`, or `final;` and the URLs of finished partial uploads with spaces between"
        )
        raise _unfit("Upload-Concat", f"must be {allowed}, not {header[:80]!r}", header, allowed)
    if "upload-length" in headers or "upload-defer-length" in headers:
        raise InvalidInput("Upload-Length: a final upload is as long as its parts, send none")
    return Concat(header, tuple(map(_id_in, urls.split())))


def upload_checksum(headers: Mapping[str, str]) -> Checksum | None:
    """The `Upload-Checksum` of a piece. Raises `InvalidInput`."""
    if (header := headers.get("upload-checksum")) is None:
        return None
    algorithm, _, value = header.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        words = f"the algorithm {algorithm[:40]!r} is unknown; allowed: {', '.join(ALGORITHMS)}"
        raise _unfit("Upload-Checksum", words, algorithm, list(ALGORITHMS))
    digest = _decoded(value)
    if digest is None or len(digest) != Checksum.size_of(algorithm):
        words = f"{value[:100]!r} is not a {algorithm} in base64"
        raise _unfit("Upload-Checksum", words, value, f"{algorithm} in base64")
    return Checksum(algorithm, digest)


def upload_offset(headers: Mapping[str, str]) -> int:
    """The `Upload-Offset` of a PATCH. Raises `InvalidInput`."""
    return _number(headers, "upload-offset")


def check_piece_type(headers: Mapping[str, str]) -> None:
    """Raises `UnsupportedType` unless the body is a piece of an upload."""
    sent = headers.get("content-type", "")
    if sent.partition(";")[0].strip().lower() not in _PIECE_TYPES:
        error = UnsupportedType(f"must be {PIECE_TYPE} for a piece, not {sent[:80]!r}")
        raise told_of(error, "Content-Type", sent, PIECE_TYPE)


def parse_metadata(header: str) -> dict[str, str]:
    """`Upload-Metadata` as {key: base64 value}. Raises `InvalidInput`."""
    if len(header) > _MAX_METADATA_BYTES:
        words = f"at most {_MAX_METADATA_BYTES} bytes are taken, not {len(header)}"
        raise _unfit("Upload-Metadata", words, header, f"at most {_MAX_METADATA_BYTES} bytes")
    found: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else []:
        key, _, value = pair.strip().partition(" ")
        if not key or not key.isascii() or key in found or _plain(value) is None:
            words = f"{pair[:80]!r} is not a key and a base64 value"
            raise _unfit(
                "Upload-Metadata", words, pair, "keys and base64 values, with commas between"
            )
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
    headers = state_headers(upload) | {"Cache-Control": "no-store"}
    if upload.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(upload.length)
    if upload.concat:
        headers["Upload-Concat"] = upload.concat
    if upload.metadata:
        headers["Upload-Metadata"] = format_metadata(upload.metadata)
    return headers


def _number(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        allowed = "a whole number of bytes"
        raise _unfit(name.title(), f"must be {allowed}, not {text[:40]!r}", text, allowed)
    return int(text)


def _unfit(header: str, words: str, sent: str, allowed: str | list[str]) -> ReelyardError:
    return told_of(InvalidInput(words), header, sent, allowed)


def _id_in(url: str) -> str:
    match = _UPLOAD_URL.fullmatch(url)
    if match is None:
        words = f"{url[:200]!r} is not the URL of an upload"
        raise _unfit("Upload-Concat", words, url, "URL of an upload")
    return match[1]


def _plain(value: str) -> str | None:
    found = _decoded(value)
    return None if found is None else found.decode("utf-8", "replace")


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value.strip(), validate=True)
    except ValueError:  # not base64, or (a plain ValueError) not ASCII
        return None
