"""`GET /v1/jobs/{id}/events`: a job's history, to be replayed, and its progress, which is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from reelyard.actors.jobs.model import Change, Job
from reelyard.actors.jobs.times import iso
from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.request_rules.query_names import StrictQueryRoute
from reelyard.api.v1 import v1_shapes
from reelyard.api.v1.jobs import job_key
from reelyard.api.v1.openapi.entries import READ, errors

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=StrictQueryRoute)
RECONNECT_MS = 2000


class StreamEnded(Exception):
    """The job has ended and the client has seen all of it: HTTP 204 tells it to stop asking."""


async def _last_seen(
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
    job_id: str,
    caller: CallerDep,
    services: ServicesDep,
    after: Annotated[int, Depends(_last_seen)],
) -> AsyncIterator[ServerSentEvent]:
    jobs = services.registry.watch(job_key(job_id), caller.scope, after)
    sees = partial(services.sees_traceback, caller)
    async for event in job_events(jobs, after, sees):
        yield event


def last_event_id(text: str | None) -> int:
    """The number in a `Last-Event-ID` header; 0 for none, or for what is no number of ours."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0


async def job_events(
    jobs: AsyncIterator[Job], after_seq: int, sees_traceback: Callable[[Job], bool]
) -> AsyncIterator[ServerSentEvent]:
    """Events for snapshots of a job as they come. `sees_traceback`: as for `short_job`.

    `state`: an entry of the history after `after_seq`, with its number as id. `progress`: without
    an id, as a client that missed some needs only the next one.
    """
    first, shown = True, None
    async for job in jobs:
        for change in job.history:
            if change.seq > after_seq:
                after_seq = change.seq
                yield _event(
                    "state",
                    _change(job, change, traceback=sees_traceback(job)),
                    id=str(change.seq),
                    retry=RECONNECT_MS if first else None,
                )
                first = False
        progress = _progress(job)
        if progress != shown and not job.state.terminal:
            shown = progress
            yield _event("progress", progress, retry=RECONNECT_MS if first else None)
            first = False


def _change(job: Job, change: Change, *, traceback: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "job_id": job.id,
        "seq": change.seq,
        "state": change.state,
        "status": v1_shapes.STATUS[change.state],
        "at": iso(change.at_ms),
        "at_ms": change.at_ms,
        "note": change.note,
    }
    if change.state.terminal:
        body["job"] = v1_shapes.short_job(job, traceback=traceback)
    return body


def _progress(job: Job) -> dict[str, Any]:
    short = v1_shapes.short_job(job)
    kept = ("job_id", "state", "status", "progress", "phase", "speed", "eta_s")
    return {name: short[name] for name in kept}


def _event(
    name: str, body: dict[str, Any], *, id: str | None = None, retry: int | None = None
) -> ServerSentEvent:
    return ServerSentEvent(
        raw_data=msgspec.json.encode(body).decode(), event=name, id=id, retry=retry
    )
