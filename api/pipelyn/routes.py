"""Pipelyn's paths, below `/api`. Each handler translates and delegates."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from actors.jobs.model import State
from api.http.auth import caller
from api.http.caller import Caller
from api.http.errors import error_headers, full_path, json_response
from api.http.services import Services, services
from api.pipelyn import pipelyn_shapes
from api.pipelyn.work import check_sync, output_response, receive, run_to_end, submit, url_of
from cluster.errors import NotReady, ReelyardError

router = APIRouter(tags=["pipelyn"])

Who = Annotated[Caller, Depends(caller)]
Parts = Annotated[Services, Depends(services)]


def error_response(error: ReelyardError, request: Request) -> Response:
    """`{error, code}`."""
    status, body = pipelyn_shapes.http_error(error, full_path(request))
    return json_response(body, status, error_headers(error))


@router.get("/health", summary="Whether the server answers")
async def health() -> dict[str, bool]:
    return {"ok": True}


@router.get("/media/presets", summary="The presets")
async def presets(who: Who) -> dict[str, Any]:  # noqa: ARG001  only for whoever has a key
    return pipelyn_shapes.presets_body()


@router.get("/media/limits", summary="The largest input")
async def limits(who: Who, parts: Parts) -> dict[str, int]:  # noqa: ARG001
    return pipelyn_shapes.limits_body(parts.settings.max_form_bytes)


@router.get("/usage", summary="What has been optimised so far")
async def usage(who: Who, parts: Parts) -> dict[str, int]:
    return pipelyn_shapes.usage_body(await parts.registry.usage(who.tenant))


@router.post("/media/jobs", status_code=202, summary="Optimise a file, and poll")
async def submit_job(request: Request, who: Who, parts: Parts) -> dict[str, Any]:
    form = await receive(request, who, parts)
    return pipelyn_shapes.accepted_body(await submit(form, request, who, parts))


@router.get("/media/jobs/{job_id}", summary="Poll a job")
async def get_job(job_id: str, request: Request, who: Who, parts: Parts) -> dict[str, Any]:
    job = await parts.registry.get(pipelyn_shapes.read_job_id(job_id), who.scope)
    return pipelyn_shapes.status_body(job, await url_of(job, request, parts))


@router.head("/media/jobs/{job_id}/download", include_in_schema=False)
@router.get("/media/jobs/{job_id}/download", summary="The output of a job")
async def download(job_id: str, request: Request, who: Who, parts: Parts) -> Response:
    job = await parts.registry.get(pipelyn_shapes.read_job_id(job_id), who.scope)
    if job.state is not State.SUCCEEDED:
        raise NotReady(pipelyn_shapes.not_ready(job.state))
    return await output_response(job, request, parts, "attachment")


@router.post("/media/optimize", summary="Optimise a file, and wait for it")
async def optimize(request: Request, who: Who, parts: Parts) -> Response:
    form = await receive(request, who, parts)
    await check_sync(form, parts)
    job = await run_to_end(await submit(form, request, who, parts), who, parts)
    headers = pipelyn_shapes.sync_headers(job, await parts.registry.usage(who.tenant))
    return await output_response(job, request, parts, "inline", headers)
