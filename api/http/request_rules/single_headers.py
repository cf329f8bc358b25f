"""The request headers that may come once only: of two, each reader would pick its own."""

from __future__ import annotations

from collections.abc import Iterable

from reelyard.cluster.errors import BadRequest

SINGLE = frozenset(
    b"authorization content-encoding content-length content-type date expect from host "
    b"idempotency-key if-modified-since if-range if-unmodified-since last-event-id "
    b"max-forwards origin proxy-authorization range referer sec-fetch-site tus-resumable "
    b"upload-checksum upload-concat upload-defer-length upload-length upload-metadata "
    b"upload-offset user-agent x-api-key x-http-method-override x-real-ip x-request-id".split(b" ")
)
"""Those of RFC 9110 that are no lists, and what tus and this server add to them."""


def check_headers(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raises `BadRequest` if a header that may come once is there twice, or a body has both a
    length and chunks (RFC 9112, 6.1: two readers may see two requests)."""
    seen = set[bytes]()
    for name, _ in headers:
        if name in seen and name in SINGLE:
            raise BadRequest(f"the header {name.decode()!r} is there more than once")
        seen.add(name)
    if b"transfer-encoding" in seen and b"content-length" in seen:
        raise BadRequest("a request has either 'content-length' or 'transfer-encoding'")
