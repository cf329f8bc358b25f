"""The `Range` header, and the part of an object that it asks for. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_ONE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """Bytes `start` up to and without `end` of `size`."""

    start: int
    end: int
    size: int

    @property
    def length(self) -> int:
        return self.end - self.start

    @property
    def content_range(self) -> str:
        """RFC 9110, section 14.4."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def parse_range(header: str | None, size: int) -> Span | Literal["unsatisfiable"] | None:
    """The part of `size` bytes that `header` asks for; None: all of it.

    A header that is malformed, in another unit, or names several ranges is ignored, as RFC 9110,
    section 14.2 allows.
    """
    match = _ONE.fullmatch(header.strip()) if header and len(header) < 100 else None
    if match is None or match[0] == "" or (not match[1] and not match[2]):
        return None
    first, last = match[1], match[2]
    if not first:
        start, end = max(0, size - int(last)), size
        return Span(start, end, size) if start < end else "unsatisfiable"
    start = int(first)
    end = min(size, int(last) + 1) if last else size
    if last and int(last) < start:
        return None
    return Span(start, end, size) if start < size else "unsatisfiable"


def range_still_applies(if_range: str | None, etag: str, last_modified: str) -> bool:
    """Whether `If-Range` (RFC 9110, section 13.1.5) lets a range through.

    `etag` is strong and quoted; a weak validator never matches.
    """
    return if_range is None or if_range.strip() in (etag, last_modified)


def is_cached(if_none_match: str | None, etag: str) -> bool:
    """Whether `If-None-Match` (RFC 9110, section 13.1.2) names `etag`; compared weakly."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags
