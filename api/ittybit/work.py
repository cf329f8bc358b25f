"""What ittybit's handlers delegate to: locating, submitting, linking."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request

from actors.jobs.messages import Accepted
from actors.jobs.model import Job, JobSpec, OutputFile, Task, TaskSpec
from actors.media.operation import find_operation
from api.http.caller import Caller
from api.http.idempotency import keyed
from api.http.services import Services
from api.ittybit import ittybit_shapes
from api.ittybit.bodies import JobBody, TaskBody, refuse_adaptive, refuse_webhook
from api.ittybit.plan import OPERATIONS, job_tasks, operation_params
from cluster.errors import InvalidCursor, NotFound
from cluster.storage.key_rules import SCHEME


async def job_spec(body: JobBody, caller: Caller, services: Services) -> JobSpec:
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


async def task_spec(body: TaskBody, caller: Caller, services: Services) -> JobSpec:
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
    body: JobBody | TaskBody,
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
        credits=find_operation(OPERATIONS[body.kind]).credits,
        tasks=tasks,
    )


async def submit(
    spec: JobSpec, body: JobBody | TaskBody, request: Request, services: Services
) -> Accepted:
    """Submit once for each `Idempotency-Key`. Raises whatever it is refused for."""
    return await services.registry.submit_one(keyed(spec, request, body))


async def links_of(job: Job, request: Request, services: Services) -> ittybit_shapes.Links:
    """URLs that work for a while, for every output in our own storage."""
    return {
        output.url: await services.download_url(request, job, output)
        for output in _stored_outputs(job)
    }


async def tasks_page(
    caller: Caller, services: Services, *, limit: int, page: int, after: str | None
) -> tuple[list[tuple[Job, Task]], bool]:
    """Tasks behind `after`, the newest job's first, and whether there are more.

    `page` is for the older clients, which know no cursor: pages before it are passed over. Raises
    `ValidationFailed`, `InvalidCursor`.
    """
    ittybit_shapes.check_page(page, limit)
    first, found = (page - 1) * limit, list[tuple[Job, Task]]()
    async for entry in _tasks(caller, services, after):
        found.append(entry)
        if len(found) > first + limit:
            break
    return found[first : first + limit], len(found) > first + limit


async def _tasks(
    caller: Caller, services: Services, after: str | None
) -> AsyncIterator[tuple[Job, Task]]:
    last: str | None = None
    if after is not None:
        try:
            last, place = ittybit_shapes.read_task_id(after)
            job = await services.registry.get(last, caller.tenant)
        except NotFound:
            raise InvalidCursor(f"after: {after!r} is not the id of a task") from None
        for task in job.tasks[place + 1 :]:
            yield job, task
    while jobs := await services.registry.page(
        ittybit_shapes.page_query(caller.tenant, limit=100, after=last)
    ):
        last = jobs[-1].id
        for job in jobs:
            for task in job.tasks:
                yield job, task


def _stored_outputs(job: Job) -> list[OutputFile]:
    made = [*job.outputs, *(output for task in job.tasks for output in task.outputs)]
    return [output for output in made if output.url.startswith(SCHEME) and not output.deleted]
