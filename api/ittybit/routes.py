"""ittybit's paths. Each handler translates and delegates."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from reelyard.api.http.auth import credential
from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.errors import error_headers, full_path, json_response
from reelyard.api.http.idempotency import keyed
from reelyard.api.ittybit import ittybit_shapes
from reelyard.api.ittybit.answers import IttybitJob, IttybitTask
from reelyard.api.ittybit.bodies import IttybitJobBody, IttybitTaskBody
from reelyard.api.ittybit.job_spec import job_spec, task_spec
from reelyard.api.ittybit.links import links_of
from reelyard.api.ittybit.task_pages import task_page
from reelyard.cluster.errors import NotFound, ReelyardError

router = APIRouter(tags=["ittybit"], strict_content_type=False)


def _made(model: object) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"model": model, "description": "What a request with this Idempotency-Key has made"},
        201: {"model": model, "description": "Made"},
    }


def error_response(error: ReelyardError, request: Request) -> Response:
    """`{kind, message}`."""
    has_key = bool(credential(request))
    status, body = ittybit_shapes.http_error(error, full_path(request), has_key=has_key)
    return json_response(body, status, error_headers(error))


@router.post(
    "/jobs",
    status_code=201,
    responses=_made(IttybitJob),
    summary="Create a job: probe, encode, export",
)
async def create_job(
    body: IttybitJobBody, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    spec = keyed(await job_spec(body, caller, services), request, body)
    accepted = await services.registry.submit_one(spec)
    job = ittybit_shapes.as_submitted(accepted.job)
    return json_response(ittybit_shapes.job_body(job, {}), 200 if accepted.replayed else 201)


@router.get(
    "/jobs", responses={200: {"model": list[IttybitJob]}}, summary="List jobs, newest first"
)
async def list_jobs(
    request: Request,
    caller: CallerDep,
    services: ServicesDep,
    kind: str | None = None,
    status: str | None = None,
    input: str | None = None,
    limit: int = 20,
    after: str | None = None,
    before: str | None = None,
    order: str = "desc",
) -> Response:
    query = ittybit_shapes.page_query(
        caller.tenant,
        kind=kind,
        status=status,
        input=input,
        limit=limit,
        after=after,
        before=before,
        order=order,
    )
    page, more = ittybit_shapes.in_order(
        await services.registry.page(query), limit, before=bool(before)
    )
    body = [ittybit_shapes.job_body(job, await links_of(job, request, services)) for job in page]
    url = f"{services.base_url(request)}{full_path(request)}?{request.url.query}"
    return json_response(
        body, headers=ittybit_shapes.page_headers(url, page, limit, more=more, before=before)
    )


@router.get(
    "/jobs/{job_id}", responses={200: {"model": IttybitJob}}, summary="A job with all its tasks"
)
async def get_job(
    job_id: str, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    job = await services.registry.get(ittybit_shapes.read_job_id(job_id), caller.scope)
    return json_response(ittybit_shapes.job_body(job, await links_of(job, request, services)))


@router.post(
    "/tasks",
    status_code=201,
    responses=_made(IttybitTask),
    summary="Run one operation without a job around it",
)
async def create_task(
    body: IttybitTaskBody, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    spec = keyed(await task_spec(body, caller, services), request, body)
    accepted = await services.registry.submit_one(spec)
    job = ittybit_shapes.as_submitted(accepted.job)
    return json_response(
        ittybit_shapes.task_body(job, job.tasks[0], {}), 200 if accepted.replayed else 201
    )


@router.get("/tasks/{task_id}", responses={200: {"model": IttybitTask}}, summary="A task")
async def get_task(
    task_id: str, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    job_id, place = ittybit_shapes.read_task_id(task_id)
    job = await services.registry.get(job_id, caller.scope)
    if not 0 <= place < len(job.tasks):
        raise NotFound(f"There is no task {task_id!r}")
    links = await links_of(job, request, services)
    return json_response(ittybit_shapes.task_body(job, job.tasks[place], links))


@router.get(
    "/tasks",
    responses={200: {"model": list[IttybitTask]}},
    summary="List tasks: of the newest job first, in their order",
)
async def list_tasks(
    request: Request,
    caller: CallerDep,
    services: ServicesDep,
    limit: int = 20,
    page: int = 1,
    after: str | None = None,
) -> Response:
    found, more = await task_page(caller, services, limit=limit, page=page, after=after)
    body = [
        ittybit_shapes.task_body(job, task, await links_of(job, request, services))
        for job, task in found
    ]
    return json_response(body, headers={"Has-More": str(more).lower(), "Limit": str(limit)})
