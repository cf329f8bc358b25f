"""`GET /v1/jobs/{id}/events`: what happens to a job, as it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.http.dependencies import CallerDep, ServicesDep
from api.v1.docs import READ, errors
from api.v1.events import StreamEnded, job_events, last_event_id
from api.v1.jobs import job_key

router = APIRouter(prefix="/v1", tags=["jobs"])


async def _seen(
    job_id: str,
    caller: CallerDep,
    services: ServicesDep,
    last_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)] = None,
) -> int:
    # Here and not in the stream: once a stream has begun there is no status left to set.
    after = last_event_id(last_id)
    job = await services.registry.get(job_key(job_id), caller.scope)
    last = job.history[-1].seq if job.history else 0
    if after > last:
        return 0  # no event of this job's
    if job.state.terminal and after == last:
        raise StreamEnded
    return after


@router.get(
    "/jobs/{job_id}/events",
    response_class=EventSourceResponse,
    responses={
        204: {"description": "The job has ended, and `Last-Event-ID` was its last event."},
        **errors(404, *READ),
    },
    summary="A job's history and progress as server-sent events",
)
async def stream_job(
    job_id: str, caller: CallerDep, services: ServicesDep, after: Annotated[int, Depends(_seen)]
) -> AsyncIterator[ServerSentEvent]:
    jobs = services.registry.watch(job_key(job_id), caller.scope, after)
    async for event in job_events(jobs, after):
        yield event
