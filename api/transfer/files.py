"""The routes of files by signed token: whoever holds the URL may use it, until it expires."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from reelyard.api.http.dependencies import ServicesDep
from reelyard.api.transfer.downloads import object_response
from reelyard.api.transfer.multipart import check_length
from reelyard.cluster.errors import Forbidden, InvalidInput

router = APIRouter(tags=["files"])

_DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    206: {"description": "The range that was asked for"},
    302: {"description": "The object store serves it"},
    304: {"description": "Not changed since"},
    410: {"description": "The link has expired"},
    416: {"description": "The range begins behind the end"},
}


@router.get("/files/{token}", responses=_DOWNLOAD, response_class=Response)
@router.head("/files/{token}", include_in_schema=False)
async def read_file(token: str, request: Request, services: ServicesDep) -> Response:
    """Download a file, or a range of it."""
    grant = services.signer.read_file(token)
    if grant.method != "GET":
        raise Forbidden("this link is for uploading")
    return await object_response(
        request,
        services.storage,
        grant.key,
        filename=grant.filename,
        content_type=grant.content_type,
        disposition=grant.disposition,
        cache_control=grant.cache_control or f"private, max-age={services.signer.left_s(grant)}",
    )


@router.put(
    "/files/{token}",
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def write_file(token: str, request: Request, services: ServicesDep) -> Response:
    """Upload a file whole: the body is its bytes, of any content type. A request that a later one
    has overtaken is refused (409): what that one stored stays."""
    grant = services.signer.read_file(token)
    if grant.method != "PUT":
        raise Forbidden("this link is for downloading")
    most = grant.max_bytes or services.settings.max_upload_bytes
    check_length(request, most)
    try:
        info = await services.storage.put_stream(
            grant.key,
            request.stream(),
            max_bytes=most,
            content_type=request.headers.get("content-type"),
            filename=grant.filename or None,
            unless_overtaken=True,
        )
    except ClientDisconnect as error:
        raise InvalidInput("the connection broke before the end of the body") from error
    return Response(status_code=200, headers={"etag": f'"{info.etag}"'})
