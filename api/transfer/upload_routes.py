"""The routes of uploads: in one request, or resumable with tus; in constant memory."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypedDict, override

import msgspec
from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from reelyard.api.http.caller import Caller
from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.errors import full_path, response_for
from reelyard.api.http.middleware import is_form, media_type
from reelyard.api.http.request_rules.query_names import StrictQueryRoute
from reelyard.api.http.services import Services
from reelyard.api.transfer import tus_headers
from reelyard.api.transfer.multipart import FormFile, body_length, check_length, receive_form
from reelyard.cluster.errors import (
    Forbidden,
    InvalidInput,
    ReelyardError,
    UnsupportedType,
    WrongVersion,
)
from reelyard.cluster.storage import Checksum, UploadInfo


class TusRoute(StrictQueryRoute):
    """Every answer, an error too, names the protocol's version, as it demands."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_tus(request: Request) -> Response:
            try:
                response = await handle(request)
            except ReelyardError as error:
                response = response_for(error, request)
            response.headers["Tus-Resumable"] = tus_headers.VERSION
            if response.status_code == WrongVersion.http_status:
                response.headers["Tus-Version"] = tus_headers.VERSION
            return response

        return handle_tus


router = APIRouter(route_class=TusRoute, tags=["uploads"])


class _Facts(TypedDict):
    """What every creation tells of the file."""

    filename: str
    content_type: str
    metadata: dict[str, str]


class UploadReceipt(msgspec.Struct, frozen=True):
    """What a client is told about an upload made in one request."""

    upload_id: str
    size: int
    filename: str


_BODY = {
    "requestBody": {
        "description": "A form with one file, the bare bytes of a file, or nothing (tus creation).",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    "parameters": [
        {
            "name": "filename",
            "in": "query",
            "description": "name of the file, where the body is its bare bytes",
            "schema": {"type": "string"},
        }
    ],
}
_CREATED: dict[int | str, dict[str, Any]] = {
    201: {
        "description": "`Location` tells where it is. A tus creation has no body.",
        "content": {
            "application/json": {
                "schema": msgspec.json.schema(UploadReceipt)["$defs"]["UploadReceipt"]
            }
        },
    }
}
_PIECE = {
    "requestBody": {
        "required": True,
        "description": f"The piece; tus clients call its type `{tus_headers.PIECE_TYPE}`.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    "parameters": [
        {
            "name": "Tus-Resumable",
            "in": "header",
            "required": True,
            "description": "version of the protocol",
            "schema": {"type": "string", "enum": [tus_headers.VERSION]},
        },
        {
            "name": "Upload-Offset",
            "in": "header",
            "required": True,
            "description": "bytes that have arrived before this piece",
            "schema": {"type": "integer", "minimum": 0},
        },
        {
            "name": "Upload-Length",
            "in": "header",
            "description": "bytes of the whole upload, where its creation did not tell",
            "schema": {"type": "integer", "minimum": 0},
        },
        {
            "name": "Upload-Checksum",
            "in": "header",
            "description": "algorithm and base64 digest of the piece; if it differs, 460",
            "schema": {"type": "string"},
        },
    ],
}


@router.options("/uploads", include_in_schema=False)
@router.options("/uploads/", include_in_schema=False)
@router.options("/uploads/{upload_id}", include_in_schema=False)
async def describe(services: ServicesDep) -> Response:
    """What of the tus protocol is spoken here."""
    return Response(
        status_code=204, headers=tus_headers.options_headers(services.uploads.max_bytes)
    )


@router.post("/uploads", status_code=201, responses=_CREATED, openapi_extra=_BODY)
@router.post("/uploads/", status_code=201, include_in_schema=False)
async def create(request: Request, services: ServicesDep, caller: CallerDep) -> Response:
    """Upload a file in one request, or begin a resumable upload (tus 1.0.0)."""
    if "tus-resumable" in request.headers:
        return await _begin(request, services, caller)
    kind = media_type(request)
    if is_form(request):
        upload = await _receive_form(request, services, caller)
    elif kind in ("", "application/x-www-form-urlencoded"):
        raise UnsupportedType(
            "send the file as multipart/form-data, its bytes with the file's own Content-Type, or "
            "with the tus protocol (Tus-Resumable: 1.0.0)"
        )
    else:
        upload = await _receive_bytes(request, services, caller, kind)
    receipt = UploadReceipt(upload.upload_id, upload.offset, upload.filename)
    return JSONResponse(
        msgspec.structs.asdict(receipt),
        201,
        headers={"Location": _location(request, services, upload)},
    )


@router.head("/uploads/{upload_id}")
async def stand(
    upload_id: str, request: Request, services: ServicesDep, caller: CallerDep
) -> Response:
    """How far an upload has come. A PATCH of it that is still under way ends: what has arrived of
    it counts, and the next PATCH goes on from there."""
    _check_version(request)
    upload = await services.uploads.stand(caller.tenant, upload_id)
    return Response(status_code=200, headers=tus_headers.head_headers(upload))


@router.patch("/uploads/{upload_id}", status_code=204, openapi_extra=_PIECE)
async def append(
    upload_id: str, request: Request, services: ServicesDep, caller: CallerDep
) -> Response:
    """Add a piece; what has arrived of it stays even if the connection breaks, unless it comes with
    a checksum: then all of it is kept, or nothing."""
    _check_version(request)
    tus_headers.check_piece_type(request.headers)
    upload = await services.uploads.append(
        caller.tenant,
        upload_id,
        tus_headers.upload_offset(request.headers),
        _body(request),
        length=tus_headers.upload_length(request.headers),
        announced=body_length(request),
        checksum=tus_headers.upload_checksum(request.headers),
    )
    return Response(status_code=204, headers=tus_headers.state_headers(upload))


@router.delete("/uploads/{upload_id}", status_code=204)
async def remove(
    upload_id: str, request: Request, services: ServicesDep, caller: CallerDep
) -> Response:
    """Delete an upload with all its bytes."""
    _check_version(request)
    await services.uploads.remove(caller.tenant, upload_id)
    return Response(status_code=204)


@router.post("/uploads/{upload_id}", include_in_schema=False)
async def override_method(
    upload_id: str, request: Request, services: ServicesDep, caller: CallerDep
) -> Response:
    """PATCH or DELETE from clients that can't send those (tus: `X-HTTP-Method-Override`)."""
    match request.headers.get("x-http-method-override", "").upper():
        case "PATCH":
            return await append(upload_id, request, services, caller)
        case "DELETE":
            return await remove(upload_id, request, services, caller)
        case "HEAD":
            return await stand(upload_id, request, services, caller)
        case other:
            raise InvalidInput(f"X-HTTP-Method-Override: PATCH, DELETE or HEAD, not {other!r}")


async def _begin(request: Request, services: Services, caller: Caller) -> Response:
    _check_version(request)
    headers, uploads = request.headers, services.uploads
    metadata = tus_headers.parse_metadata(headers.get("upload-metadata", ""))
    concat = tus_headers.upload_concat(headers)
    with_piece = media_type(request) == tus_headers.PIECE_TYPE
    facts: _Facts = {
        "filename": tus_headers.metadata_text(metadata, "filename", "name"),
        "content_type": tus_headers.metadata_text(metadata, "filetype", "type"),
        "metadata": metadata,
    }
    if concat is not None and concat.upload_ids:
        if with_piece:
            raise Forbidden("a final upload is made of others: it takes no bytes of its own")
        upload = await uploads.concatenate(
            caller.tenant, concat.upload_ids, concat=concat.header, **facts
        )
    else:
        length = tus_headers.creation_length(headers)
        checksum = tus_headers.upload_checksum(headers) if with_piece else None
        if with_piece:
            check_length(request, uploads.max_bytes if length is None else length)
        upload = await uploads.create(
            caller.tenant, length=length, partial=concat is not None, **facts
        )
        if with_piece:
            upload = await _first_piece(request, services, upload, checksum)
    told = tus_headers.state_headers(upload) | {"Location": _location(request, services, upload)}
    return Response(status_code=201, headers=told)


async def _first_piece(
    request: Request, services: Services, upload: UploadInfo, checksum: Checksum | None
) -> UploadInfo:
    """Add what came with the creation. If it fails the upload is gone: nobody knows its URL."""
    owner, upload_id = upload.owner, upload.upload_id
    try:
        return await services.uploads.append(owner, upload_id, 0, _body(request), checksum=checksum)
    except BaseException:
        with suppress(ReelyardError):
            await services.uploads.remove(owner, upload_id)
        raise


async def _receive_form(request: Request, services: Services, caller: Caller) -> UploadInfo:
    uploads = services.uploads
    seen: list[FormFile] = []

    async def sink(file: FormFile, chunks: AsyncIterable[bytes]) -> UploadInfo:
        if seen:
            raise InvalidInput("the form holds several files; send one request for each")
        seen.append(file)
        return await uploads.receive(
            caller.tenant, chunks, filename=file.filename, content_type=file.content_type
        )

    async def undo(upload: UploadInfo) -> None:
        await uploads.remove(caller.tenant, upload.upload_id)

    form = await receive_form(request, uploads.max_bytes, sink, undo)
    if not form.files:
        raise InvalidInput("the form holds no file")
    return form.files[0][1]


async def _receive_bytes(
    request: Request, services: Services, caller: Caller, content_type: str
) -> UploadInfo:
    check_length(request, services.uploads.max_bytes)
    return await services.uploads.receive(
        caller.tenant,
        _body(request),
        filename=request.query_params.get("filename", ""),
        content_type=content_type,
    )


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect as error:
        raise InvalidInput("the connection broke before the end of the body") from error


def _check_version(request: Request) -> None:
    if not tus_headers.speaks_tus(request.headers):
        raise WrongVersion(
            f"Tus-Resumable: this server speaks {tus_headers.VERSION}, "
            f"not {request.headers.get('tus-resumable', '')[:20]!r}"
        )


def _location(request: Request, services: Services, upload: UploadInfo) -> str:
    return f"{services.base_url(request)}{full_path(request).rstrip('/')}/{upload.upload_id}"
