"""The JobSpec of a body of `POST /jobs` or `POST /tasks`, with its locations checked."""

from __future__ import annotations

from reelyard.actors.jobs.model import JobSpec, TaskSpec
from reelyard.api.http.caller import Caller
from reelyard.api.http.services import Services
from reelyard.api.ittybit.bodies import (
    IttybitJobBody,
    IttybitTaskBody,
    refuse_adaptive,
    refuse_webhook,
)
from reelyard.api.ittybit.plan import OPERATIONS, job_tasks, operation_params


async def job_spec(body: IttybitJobBody, caller: Caller, services: Services) -> JobSpec:
    """A job of three tasks. Raises whatever the request is refused for."""
    refuse_webhook(body.webhook_url)
    refuse_adaptive(body.kind)
    params = operation_params(body.kind, body.options)
    output = await services.locate_output(body.output, caller) if body.output else None
    return _spec(
        body,
        caller,
        params,
        source=body.input,
        location=await services.locate_input(body.input, caller),
        output=output,
        tasks=job_tasks(body.kind, params, output),
    )


async def task_spec(body: IttybitTaskBody, caller: Caller, services: Services) -> JobSpec:
    """A job of one task. Raises whatever the request is refused for."""
    refuse_webhook(body.webhook_url)
    return _spec(
        body,
        caller,
        operation_params(body.kind, body.options),
        source=body.source,
        location=await services.locate_input(body.source, caller),
        output=await services.locate_output(body.output, caller) if body.output else None,
        tasks=[],
    )


def _spec(
    body: IttybitJobBody | IttybitTaskBody,
    caller: Caller,
    params: dict[str, object],
    *,
    source: str,
    location: str,
    output: str | None,
    tasks: list[TaskSpec],
) -> JobSpec:
    return JobSpec(
        operation=OPERATIONS[body.kind],
        kind=None if body.kind == "probe" else body.kind,
        inputs=[location],
        params=params,
        output=output,
        tenant=caller.tenant,
        dialect="ittybit",
        input=source,
        params_sent=body.options,
        output_sent=body.output,
        metadata=body.metadata,
        tasks=tasks,
    )
