"""Pipelyn's paths, below `/api`. Each handler translates and delegates."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from reelyard.actors.jobs.model import State
from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.errors import error_headers, full_path, json_response
from reelyard.api.pipelyn import pipelyn_shapes
from reelyard.api.pipelyn.answers import (
    PipelynAccepted,
    PipelynHealth,
    PipelynJob,
    PipelynLimits,
    PipelynPresets,
    PipelynUsage,
)
from reelyard.api.pipelyn.form import check_sync, read_form
from reelyard.api.pipelyn.optimize import run_to_end, submit
from reelyard.api.pipelyn.output import output_response, output_url
from reelyard.cluster.errors import NotReady, ReelyardError

router = APIRouter(tags=["pipelyn"])
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "media": {
                            "type": "string",
                            "format": "binary",
                            "description": "an image or a video",
                        },
                        "preset": {
                            "type": "string",
                            "description": "name of a preset, as `GET /api/media/presets` lists",
                        },
                    },
                    "required": ["media"],
                }
            }
        },
    }
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def error_response(error: ReelyardError, request: Request) -> Response:
    """`{error, code}`."""
    status, body = pipelyn_shapes.http_error(error, full_path(request))
    return json_response(body, status, error_headers(error))


@router.get("/health", summary="Whether the server answers")
async def health() -> PipelynHealth:
    return {"ok": True}


@router.get("/media/presets", summary="The presets")
async def presets(caller: CallerDep) -> PipelynPresets:  # noqa: ARG001  only for whoever has a key
    return pipelyn_shapes.presets_body()


@router.get("/media/limits", summary="The largest input")
async def limits(caller: CallerDep, services: ServicesDep) -> PipelynLimits:  # noqa: ARG001
    return pipelyn_shapes.limits_body(services.settings.max_form_bytes)


@router.get("/usage", summary="What has been optimised so far")
async def usage(caller: CallerDep, services: ServicesDep) -> PipelynUsage:
    return pipelyn_shapes.usage_body(await services.registry.accounts.usage(caller.tenant))


@router.post(
    "/media/jobs", status_code=202, openapi_extra=_FORM, summary="Optimise a file, and poll"
)
async def submit_job(request: Request, caller: CallerDep, services: ServicesDep) -> PipelynAccepted:
    form = await read_form(request, caller, services)
    return pipelyn_shapes.accepted_body(await submit(form, request, caller, services))


@router.get("/media/jobs/{job_id}", responses={200: {"model": PipelynJob}}, summary="Poll a job")
async def get_job(
    job_id: str, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    job = await services.registry.get(pipelyn_shapes.read_job_id(job_id), caller.scope)
    url = await output_url(job, request, services)
    return json_response(pipelyn_shapes.status_body(job, url))


@router.head("/media/jobs/{job_id}/download", include_in_schema=False)
@router.get(
    "/media/jobs/{job_id}/download",
    response_class=Response,
    responses=_FILE,
    summary="The output of a job",
)
async def download(
    job_id: str, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    job = await services.registry.get(pipelyn_shapes.read_job_id(job_id), caller.scope)
    if job.state is not State.SUCCEEDED:
        raise NotReady(pipelyn_shapes.not_ready(job.state))
    return await output_response(job, request, services, "attachment")


@router.post(
    "/media/optimize",
    response_class=Response,
    responses=_FILE,
    openapi_extra=_FORM,
    summary="Optimise a file, and wait for it",
)
async def optimize(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    form = await read_form(request, caller, services)
    await check_sync(form, services)
    job = await run_to_end(await submit(form, request, caller, services), caller, services)
    headers = pipelyn_shapes.sync_headers(
        job, await services.registry.accounts.usage(caller.tenant)
    )
    return await output_response(job, request, services, "inline", headers)
