"""The HTTP response of an object: whole, a range of it, or a redirect to its store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from reelyard.actors.media.operation import mime_of
from reelyard.api.http.signing import Disposition
from reelyard.api.transfer.ranges import Span, is_cached, parse_range, range_still_applies
from reelyard.cluster.errors import NotFound
from reelyard.cluster.storage import ObjectInfo, Storage, content_disposition

_REDIRECT_TTL_S = 3600.0


async def object_response(
    request: Request,
    storage: Storage,
    key: str,
    *,
    filename: str = "",
    content_type: str = "",
    disposition: Disposition = "attachment",
    cache_control: str = "no-store",
    redirect: bool = True,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer GET or HEAD for an object: 200, 206, 304, 416, or 302 to a presigned URL.

    With `redirect`, a store that can presign serves a GET itself. Otherwise the bytes go through
    here, in constant memory and in chunks of 1 MiB (64 KiB ones are several times slower behind
    Serve's proxies). Raises `NotFound`.
    """
    info = await storage.head(key)
    if info is None:
        raise NotFound("there is no such file here (any more)")
    name = filename or key.rsplit("/", 1)[-1]
    if redirect and request.method == "GET":
        url = await storage.sign("GET", key, _REDIRECT_TTL_S, name)
        if url is not None:
            return RedirectResponse(url, 302, headers={"cache-control": "no-store"})
    described = _headers(info) | {
        "content-type": content_type or mime_of(name),
        "content-disposition": content_disposition(name, disposition),
        "cache-control": cache_control,
        # What users stored must not run as a page of this server.
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        **(headers or {}),
    }
    return _answer(request, storage, info, described)


def _headers(info: ObjectInfo) -> dict[str, str]:
    return {
        "accept-ranges": "bytes",
        "etag": f'"{info.etag}"',
        "last-modified": formatdate(info.modified_ms / 1000, usegmt=True),
    }


def _answer(
    request: Request, storage: Storage, info: ObjectInfo, headers: dict[str, str]
) -> Response:
    asked = request.headers
    if is_cached(asked.get("if-none-match"), headers["etag"]):
        kept = ("etag", "last-modified", "cache-control")
        return Response(status_code=304, headers={name: headers[name] for name in kept})
    span = None
    if range_still_applies(asked.get("if-range"), headers["etag"], headers["last-modified"]):
        span = parse_range(asked.get("range"), info.size)
    if span == "unsatisfiable":
        return Response(status_code=416, headers={"content-range": f"bytes */{info.size}"})
    status = 200
    if span is not None:
        status = 206
        headers["content-range"] = span.content_range
    whole = span or Span(0, info.size, info.size)
    headers["content-length"] = str(whole.length)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_bytes(storage, info.key, whole), status, headers)


async def _bytes(storage: Storage, key: str, span: Span) -> AsyncIterator[bytes]:
    if span.length:
        async for chunk in storage.stream(key, span.start, span.end):
            yield chunk
