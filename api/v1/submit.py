"""`POST /v1/jobs`: from its body to the JobSpec that this asks for.

Validation is complete here: every location is checked for the caller, and `plan_job` refuses the
rest before anything is stored.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from reelyard.actors.jobs.locations import JobInputs, TaskOutputs, parse_step_input
from reelyard.actors.jobs.model import Job, JobSpec, TaskSpec
from reelyard.api.http.caller import Caller
from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.errors import json_response
from reelyard.api.http.idempotency import keyed
from reelyard.api.http.request_rules.query_names import StrictQueryRoute
from reelyard.api.http.services import Services
from reelyard.api.v1 import v1_shapes
from reelyard.api.v1.openapi import response_models
from reelyard.api.v1.openapi.entries import IDEMPOTENCY, SUBMIT, answered
from reelyard.api.v1.refusals import in_body, no_pool
from reelyard.api.v1.request_bodies import JobBody, TaskBody
from reelyard.cluster.errors import ReelyardError

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=StrictQueryRoute)


@router.post(
    "/jobs",
    status_code=202,
    responses=answered(response_models.Accepted, *SUBMIT, status=202, description="Accepted"),
    openapi_extra={"parameters": [IDEMPOTENCY]},
    summary="Run an operation, or a graph of them",
)
async def create_job(
    body: JobBody, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    """The job is durable once this is answered. `params` are those of the operation; the answer to
    a request that can't work says which field is wrong, what was sent and what is allowed."""
    spec = keyed(await spec_of(body, caller, services), request, body)
    try:
        accepted = await services.registry.submit_one(spec)
    except ReelyardError as error:
        raise in_body(error, "tasks" if body.tasks else "params") from None
    return accepted_response(accepted.job, replayed=accepted.replayed)


def accepted_response(job: Job, *, replayed: bool) -> Response:
    """202 with the job as it was accepted, word for word the same when it is asked again."""
    headers = {"Location": f"/v1/jobs/{job.id}"}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return json_response(v1_shapes.accepted_job(job), 202, headers)


async def spec_of(body: JobBody, caller: Caller, services: Services) -> JobSpec:
    """What `body` asks for. Raises what `locate_input` and `locate_output` raise, and
    `ValidationFailed`."""
    if body.pool is not None and body.pool not in services.settings.all_pools:
        raise no_pool(body.pool, services.settings.all_pools)
    steps = body.tasks or []
    operation = steps[-1].operation if body.operation is None else body.operation
    return JobSpec(
        operation=operation,
        inputs=[await services.locate_input(text, caller, field) for field, text in body.sources()],
        params=body.params,
        output=await services.locate_output(body.output, caller) if body.output else None,
        tenant=caller.tenant,
        dialect="v1",
        input=_as_sent(body),
        output_sent=body.output,
        priority=body.priority,
        pool=body.pool,
        metadata=body.metadata,
        tasks=[
            await _task(step, f"tasks.{place}", caller, services)
            for place, step in enumerate(steps)
        ],
    )


def _as_sent(body: JobBody) -> str:
    if body.upload_id is not None:
        return body.upload_id
    return next((text for _, text in body.sources()), "")


async def _step_input(text: str, field: str, caller: Caller, services: Services) -> str:
    match place := parse_step_input(text):
        case JobInputs() | TaskOutputs():
            return str(place)
    return await services.locate_input(text, caller, field)


async def _task(step: TaskBody, field: str, caller: Caller, services: Services) -> TaskSpec:
    inputs = [
        await _step_input(text, f"{field}.inputs.{place}", caller, services)
        for place, text in enumerate(step.inputs)
    ]
    to = step.output
    return TaskSpec(
        name=step.name,
        operation=step.operation,
        params=step.params,
        inputs=inputs,
        output=await services.locate_output(to, caller, f"{field}.output") if to else None,
    )
