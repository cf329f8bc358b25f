"""`POST /v1/uploads`: the begin of an upload, whose bytes go to `/api/uploads`."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field, ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reelyard.actors.jobs.locations import Upload
from reelyard.actors.jobs.times import iso
from reelyard.api.http.bodies import Body
from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.errors import json_response
from reelyard.api.http.idempotency import once
from reelyard.api.http.middleware import is_form, media_type
from reelyard.api.http.request_rules.query_names import StrictQueryRoute
from reelyard.api.v1.openapi import response_models
from reelyard.api.v1.openapi.entries import IDEMPOTENCY, READ, answered
from reelyard.cluster.errors import UnsupportedType
from reelyard.cluster.faults import unfit

router = APIRouter(prefix="/v1", tags=["uploads"], route_class=StrictQueryRoute)
UPLOADS = "/api/uploads"


class UploadBody(Body):
    """A file that is to be sent in parts (tus 1.0)."""

    filename: str = Field("upload", min_length=1, max_length=255)
    size: int = Field(ge=0, description="bytes")


@router.post(
    "/uploads",
    status_code=201,
    responses={
        **answered(
            response_models.Upload, 409, 413, 415, 422, *READ, status=201, description="Created"
        ),
        307: {"description": "A multipart form goes to `/api/uploads`, which takes bytes."},
    },
    openapi_extra={
        "parameters": [IDEMPOTENCY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": UploadBody.model_json_schema()},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"file": {"type": "string", "format": "binary"}},
                        "required": ["file"],
                    }
                },
            },
        },
    },
    summary="Begin an upload",
)
async def create_upload(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    if is_form(request):
        return RedirectResponse(UPLOADS, 307)
    content = media_type(request)
    if content != "application/json":
        raise UnsupportedType(
            f"uploads takes application/json or multipart/form-data, not {content[:80]!r}"
        )
    sent = await request.body()
    try:
        body = UploadBody.model_validate_json(sent)
    except ValidationError as error:
        raise unfit(UploadBody, error, _read_json(sent), "upload") from None

    async def act() -> Response:
        upload = await services.uploads.create(
            caller.tenant, length=body.size, filename=body.filename
        )
        place = f"{UPLOADS}/{upload.upload_id}"
        answer = {
            "upload_id": upload.upload_id,
            "url": place,
            "input": str(Upload(upload.upload_id)),
            "size": body.size,
            "expires_at": iso(upload.expires_ms),
        }
        return json_response(answer, 201, {"Location": place})

    return await once(request, services, caller, body.model_dump(), act)


def _read_json(body: bytes) -> object:
    try:
        return from_json(body)
    except ValueError:
        return None
