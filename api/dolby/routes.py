"""Dolby.io's paths. Each handler translates and delegates."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reelyard.api.dolby import dolby_shapes
from reelyard.api.dolby.answers import (
    DolbyJob,
    DolbyJobId,
    DolbyJobPage,
    DolbyToken,
    DolbyUrl,
)
from reelyard.api.dolby.bodies import EnhanceBody, TranscodeBody, UrlBody
from reelyard.api.dolby.enhance import enhance_spec
from reelyard.api.dolby.locations import storage_key
from reelyard.api.dolby.token import issue_token
from reelyard.api.dolby.transcode import transcode_spec
from reelyard.api.http.caller import Caller
from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.errors import error_headers, full_path, json_response
from reelyard.api.http.idempotency import keyed, once
from reelyard.api.http.services import Services
from reelyard.api.registry_client.client import expect_job
from reelyard.cluster.errors import BadRequest, NotFound, ReelyardError

router = APIRouter(tags=["dolby"], strict_content_type=False)

_JOB: dict[int | str, dict[str, Any]] = {200: {"model": DolbyJob}}
JobId = Annotated[str, Query(description="the job's id")]


def error_response(error: ReelyardError, request: Request) -> Response:
    """A problem body `{type, title, status, detail, instance}`."""
    body = dolby_shapes.http_error(error, full_path(request))
    return json_response(body, body["status"], error_headers(error))


_TOKEN_FORM: dict[str, Any] = {
    "requestBody": {
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials"]},
                        "expires_in": {"type": "integer", "description": "seconds"},
                    },
                }
            }
        }
    },
    "parameters": [
        {
            "name": name,
            "in": "query",
            "description": f"{meaning}; may stand in the form, too",
            "schema": {"type": "string"},
        }
        for name, meaning in (
            ("app_key", "id or name of an API key"),
            ("app_secret", "text of that key"),
            ("grant_type", "client_credentials"),
            ("expires_in", "seconds that the token is to live"),
        )
    ],
    # The app key and its secret.
    "security": [{"basic": []}],
}


@router.post(
    "/v1/auth/token",
    openapi_extra=_TOKEN_FORM,
    summary="Get an access token for an API key",
)
async def token(request: Request, services: ServicesDep) -> DolbyToken:
    return await issue_token(request, services)


@router.post(dolby_shapes.ENHANCE, summary="Start enhancing the audio of a file")
async def start_enhance(
    body: EnhanceBody, request: Request, caller: CallerDep, services: ServicesDep
) -> DolbyJobId:
    spec = keyed(await enhance_spec(body, caller, services), request, body)
    accepted = await services.registry.submit_one(spec)
    return {"job_id": accepted.job.id}


@router.post(dolby_shapes.TRANSCODE, summary="Start transcoding")
async def start_transcode(
    body: TranscodeBody, request: Request, caller: CallerDep, services: ServicesDep
) -> DolbyJobId:
    spec = keyed(await transcode_spec(body, caller, services), request, body)
    accepted = await services.registry.submit_one(spec)
    return {"job_id": accepted.job.id}


@router.get(
    dolby_shapes.ENHANCE,
    responses=_JOB,
    operation_id="dolbyGetEnhance",
    summary="Poll an enhance job",
)
@router.get(
    dolby_shapes.TRANSCODE,
    responses=_JOB,
    operation_id="dolbyGetTranscode",
    summary="Poll a transcode job",
)
@router.get(
    dolby_shapes.DIAGNOSE,
    responses=_JOB,
    operation_id="dolbyGetDiagnose",
    summary="Poll a job that looked at media",
)
async def poll(
    request: Request, job_id: JobId, caller: CallerDep, services: ServicesDep
) -> Response:
    job = await services.registry.get(dolby_shapes.read_job_id(job_id), caller.scope)
    return json_response(dolby_shapes.status_body(dolby_shapes.check_path(job, full_path(request))))


@router.get(
    "/media/jobs",
    responses={200: {"model": DolbyJobPage}},
    summary="List the jobs of the last 31 days, newest first",
)
async def list_jobs(
    caller: CallerDep,
    services: ServicesDep,
    status: str | None = None,
    submitted_after: str | None = None,
    submitted_before: str | None = None,
    next_token: str | None = None,
) -> Response:
    if next_token:
        query = dolby_shapes.resume_query(
            caller.tenant, services.signer.read_cursor(next_token, "next_token")
        )
    else:
        query = dolby_shapes.page_query(
            caller.tenant,
            time.time_ns() // 1_000_000,
            status=status,
            submitted_after=submitted_after,
            submitted_before=submitted_before,
        )
    found = await services.registry.page(query)
    page = found[: dolby_shapes.PAGE_SIZE]
    more = len(found) > len(page)
    sign = services.signer.sign_cursor
    following = sign(dolby_shapes.next_cursor(query, page)) if more else None
    return json_response(dolby_shapes.list_body(page, following))


@router.post(
    "/media/jobs/cancel",
    responses={200: {"model": DolbyJobId}},
    summary="Cancel a job that has not ended",
)
async def cancel(
    job_id: JobId, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    found = dolby_shapes.read_job_id(job_id)

    async def act() -> Response:
        expect_job(await services.registry.cancel([found], caller.scope), found)
        return json_response({"job_id": found})

    return await once(request, services, caller, found, act)


@router.post("/media/input", summary="Get a URL to upload to `dlb://` storage")
async def start_input(
    body: UrlBody, request: Request, caller: CallerDep, services: ServicesDep
) -> DolbyUrl:
    return {"url": await services.upload_url(request, storage_key(body.url, caller))}


@router.post("/media/output", summary="Get a URL to download from `dlb://` storage")
async def start_output(
    body: UrlBody, request: Request, caller: CallerDep, services: ServicesDep
) -> DolbyUrl:
    return {"url": await _download_url(body.url, request, caller, services)}


@router.get(
    "/media/output",
    status_code=302,
    response_class=RedirectResponse,
    summary="Download from `dlb://` storage",
)
async def output(url: str, request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    return RedirectResponse(await _download_url(url, request, caller, services), 302)


@router.api_route(
    "/media/webhooks",
    methods=["GET", "POST", "PUT", "DELETE"],
    summary="Webhooks: not in this version",
    include_in_schema=False,
)
async def webhooks(caller: CallerDep) -> None:  # noqa: ARG001  strangers learn nothing, not even this
    raise BadRequest("this version delivers no webhooks; poll the job or list /media/jobs")


async def _download_url(url: str, request: Request, caller: Caller, services: Services) -> str:
    key = storage_key(url, caller)
    if await services.storage.head(key) is None:
        raise NotFound(f"There is nothing at {url!r}")
    return await services.object_url(request, key)
