"""`POST /v1/jobs`: the body that it takes, and the JobSpec that this asks for.

Validation is complete here: every location is checked for the caller, and `plan_job` refuses the
rest before anything is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from actors.jobs.locations import JobInputs, TaskOutputs, Upload, parse_step_input
from actors.jobs.model import Job, JobSpec, TaskSpec
from api.http.bodies import Body, Metadata
from api.http.caller import Caller
from api.http.dependencies import CallerDep, ServicesDep
from api.http.errors import json_response
from api.http.idempotency import keyed
from api.http.services import Services
from api.v1 import response_models, v1_shapes
from api.v1.errors import in_body
from api.v1.openapi_entries import IDEMPOTENCY, SUBMIT, answered
from cluster.errors import ReelyardError, ValidationFailed

router = APIRouter(prefix="/v1", tags=["jobs"])


class TaskBody(Body):
    """A step of a job's graph."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")
    operation: str
    params: dict[str, Any] = Field(default_factory=dict)
    inputs: list[str] = Field(
        default_factory=lambda: [str(JobInputs())],
        max_length=64,
        description="`input` for the job's inputs, `task:<name>` for another step's outputs, "
        "or a location",
    )
    output: str | None = Field(None, description="destination URL; unset: Reelyard's own storage")


class JobBody(Body):
    """A job to run. Give its input in exactly one of `url`, `input`, `inputs`, `upload_id`."""

    operation: str | None = Field(
        None, description="name of an operation; may be left out where `tasks` are given"
    )
    url: str | None = Field(None, max_length=8192, description="URL of the input")
    input: str | None = Field(
        None,
        max_length=8192,
        description="location of the input: a URL, `upload:<id>`, `job:<id>[/<output name>]`, "
        "or what the operator allows",
    )
    inputs: list[Annotated[str, Field(max_length=8192)]] | None = Field(None, max_length=64)
    upload_id: str | None = Field(None, max_length=64, description="id of a finished upload")
    params: dict[str, Any] = Field(
        default_factory=dict, description="parameters; see `/v1/operations/{name}`"
    )
    output: str | None = Field(
        None,
        max_length=8192,
        description="destination: a presigned PUT URL, a URL in an object store that the operator "
        "allows (ending in `/`: a folder); unset: Reelyard's own storage",
    )
    priority: int = Field(0, ge=-100, le=100, description="higher runs first")
    metadata: Metadata = Field(
        default_factory=dict, description="kept with the job, at most 16 KiB of JSON"
    )
    pool: str | None = Field(None, description="pool of workers to run on, e.g. gpu")
    tasks: list[TaskBody] | None = Field(
        None, min_length=1, max_length=64, description="a graph of steps instead of `operation`"
    )

    @model_validator(mode="after")
    def _one_input(self) -> JobBody:
        given = [
            name
            for name in ("url", "input", "inputs", "upload_id")
            if getattr(self, name) is not None
        ]
        if len(given) > 1:
            raise ValueError(f"give one of {', '.join(given)}, not all of them")
        if self.operation is None and self.tasks is None:
            raise ValueError("operation: field required")
        return self

    def sources(self) -> list[str]:
        """The inputs as locations, not yet checked."""
        if self.inputs is not None:
            return self.inputs
        if self.upload_id is not None:
            return [str(Upload(self.upload_id))]
        one = self.url if self.url is not None else self.input
        return [one] if one is not None else []


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
        names = ", ".join(sorted(services.settings.all_pools))
        raise _fault("pool", f"there is no pool {body.pool!r}; there are: {names}")
    sources = body.sources()
    steps = body.tasks or []
    operation = body.operation or steps[-1].operation
    return JobSpec(
        operation=operation,
        inputs=[await services.locate_input(text, caller) for text in sources],
        params=body.params,
        output=await services.locate_output(body.output, caller) if body.output else None,
        tenant=caller.tenant,
        dialect="v1",
        input=_as_sent(body, sources),
        output_sent=body.output,
        priority=body.priority,
        pool=body.pool,
        metadata=body.metadata,
        tasks=[await _task(step, caller, services) for step in steps],
    )


def _as_sent(body: JobBody, sources: Sequence[str]) -> str:
    if body.upload_id is not None:
        return body.upload_id
    return sources[0] if sources else ""


async def _step_input(text: str, caller: Caller, services: Services) -> str:
    match place := parse_step_input(text):
        case JobInputs() | TaskOutputs():
            return str(place)
    return await services.locate_input(text, caller)


async def _task(step: TaskBody, caller: Caller, services: Services) -> TaskSpec:
    inputs = [await _step_input(text, caller, services) for text in step.inputs]
    return TaskSpec(
        name=step.name,
        operation=step.operation,
        params=step.params,
        inputs=inputs,
        output=await services.locate_output(step.output, caller) if step.output else None,
    )


def _fault(field: str, message: str) -> ValidationFailed:
    fault = {"loc": ["body", field], "msg": message, "type": "value_error"}
    return ValidationFailed(f"{field}: {message}", details={"errors": [fault]})
