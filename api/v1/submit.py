"""From a body of `POST /v1/jobs` to a JobSpec: every location checked for this caller."""

from __future__ import annotations

from collections.abc import Sequence

from actors.jobs.model import JobSpec, TaskSpec
from actors.media.operation import find_operation
from api.http.caller import Caller
from api.http.services import Services
from api.v1.models import JobBody, TaskBody
from api.v1.refusals import no_pool
from cluster.errors import UnknownOperation


async def spec_of(
    body: JobBody,
    services: Services,
    caller: Caller,
    *,
    idempotency_key: str | None = None,
    fingerprint: str = "",
) -> JobSpec:
    """What `body` asks for. Raises what `locate_input` and `locate_output` raise, and
    `ValidationFailed`."""
    if body.pool is not None and body.pool not in services.settings.all_pools:
        raise no_pool(body.pool, services.settings.all_pools)
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
        credits=_price([step.operation for step in steps] or [operation]),
        tasks=[await _task(step, services, caller) for step in steps],
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
    )


def _as_sent(body: JobBody, sources: Sequence[str]) -> str:
    if body.upload_id is not None:
        return body.upload_id
    return sources[0] if sources else ""


async def _task(step: TaskBody, services: Services, caller: Caller) -> TaskSpec:
    inputs = [
        text
        if text == "input" or text.startswith("task:")
        else await services.locate_input(text, caller)
        for text in step.inputs
    ]
    return TaskSpec(
        name=step.name,
        operation=step.operation,
        params=step.params,
        inputs=inputs,
        output=await services.locate_output(step.output, caller) if step.output else None,
    )


def _price(operations: Sequence[str]) -> int:
    try:
        return sum(find_operation(name).credits for name in operations)
    except UnknownOperation as error:
        error.details.setdefault("field", "operation")
        raise
