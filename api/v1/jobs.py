"""`/v1/jobs`: jobs looked up, listed, cancelled, tried again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query
from msgspec.structs import replace
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from reelyard.actors.jobs.ids import parse_id
from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import Job, State
from reelyard.api.http.auth import identify_caller
from reelyard.api.http.bodies import Body
from reelyard.api.http.caller import Caller
from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.errors import json_response
from reelyard.api.http.idempotency import once
from reelyard.api.http.request_rules.query_names import StrictQueryRoute
from reelyard.api.http.services import Services, services_of
from reelyard.api.registry_client.client import expect_job
from reelyard.api.v1 import v1_shapes
from reelyard.api.v1.job_encoder import JobEncoder, encode_job, reply
from reelyard.api.v1.openapi import response_models
from reelyard.api.v1.openapi.entries import IDEMPOTENCY, READ, answered, parameter
from reelyard.cluster.errors import InvalidCursor, NotFound
from reelyard.cluster.faults import closest, did_you_mean, fault, refusal

router = APIRouter(prefix="/v1", tags=["jobs"])
own = APIRouter(prefix="/v1", tags=["jobs"], route_class=StrictQueryRoute)
"""What VideoConduit does not have."""

_encoder = JobEncoder()
_parsed = lru_cache(maxsize=4096)(parse_id)
_JOB_ID = {"name": "job_id", "in": "path", "required": True, "schema": {"type": "string"}}
_WAIT = parameter(
    "wait",
    {"type": "number", "minimum": 0},
    "Seconds to wait for the end of the job (the server has an upper limit).",
)
_WORDS = ", ".join(v1_shapes.STATES_OF)


class JobIdsBody(Body):
    """Jobs to look up."""

    job_ids: list[str] = Field(min_length=1, max_length=1000)


@router.get(
    "/jobs/{job_id}",
    responses=answered(response_models.Job, 404, 422, *READ),
    openapi_extra={"parameters": [_JOB_ID, _WAIT]},
    summary="A job as it is, or once it has ended",
)
async def get_job(request: Request) -> Response:
    """With `wait`, the answer comes once the job has ended, or after so many seconds as it then is.
    `outputs[].url` are signed and end after a while; another look brings fresh ones."""
    # The route that pollers hammer: it reads the request itself and encodes records directly.
    caller = await identify_caller(request)
    job_id = request.path_params["job_id"]
    services = services_of(request)
    wait_s = _wait_of(request, services)
    if wait_s:
        job = await services.registry.wait(job_key(job_id), caller.scope, wait_s)
    else:
        job = await services.registry.poll(job_key(job_id), caller.scope)
    return reply(await _encoder.body(request, services, caller, job))


@router.get(
    "/jobs",
    responses=answered(response_models.JobPage, 400, 403, 422, *READ),
    summary="Jobs, newest first",
)
async def list_jobs(
    caller: CallerDep,
    services: ServicesDep,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    status: Annotated[str | None, Query(description=f"one of {_WORDS}")] = None,
    state: Annotated[State | None, Query(description="exactly this state")] = None,
    job_type: Annotated[str | None, Query(description="operation", max_length=64)] = None,
    created_after: Annotated[datetime | None, Query(description="inclusive")] = None,
    created_before: Annotated[datetime | None, Query(description="inclusive")] = None,
    source: Annotated[
        str | None, Query(alias="input", description="the input as sent", max_length=8192)
    ] = None,
) -> Response:
    """A page at a time: as long as `has_more`, `next_cursor` leads to the next one. A list tells of
    each job in short; `getJob` and `getJobs` have its parameters, result and outputs."""
    states = _states_of(status, state)
    query = PageQuery(
        tenant=caller.tenant,
        limit=limit + 1,
        operation=job_type,
        input=source,
        created_from_ms=_ms(created_after),
        created_to_ms=_ms(created_before),
        after_id=_after(cursor, caller, services),
    )
    jobs = await _page(services, query, states)
    more = len(jobs) > limit
    following = _cursor(jobs[limit - 1], caller, services) if more else None
    return json_response(
        {
            "items": [
                v1_shapes.short_job(job, traceback=services.sees_traceback(caller, job))
                for job in jobs[:limit]
            ],
            "next_cursor": following,
            "has_more": more,
        }
    )


@own.post(
    "/jobs:batchGet",
    responses=answered(response_models.JobList, 413, 422, *READ),
    summary="Look up many jobs",
)
async def get_jobs(
    body: JobIdsBody, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    """Whole jobs, in the order of their ids in the request; `missing` are the ids that there are
    not, or that are another tenant's."""
    known = {text: parse_id(text) for text in body.job_ids}
    jobs = await services.registry.get_many([key for key in known.values() if key], caller.scope)
    found = [jobs[key] for key in dict.fromkeys(known.values()) if key in jobs]
    bodies = [await _encoder.body(request, services, caller, job) for job in found]
    missing = [text for text, key in known.items() if key not in jobs]
    tail = json_response({"missing": missing}).body
    return reply(b'{"items":[' + b",".join(bodies) + b"]," + bytes(tail)[1:])


@own.post(
    "/jobs/{job_id}/cancel",
    responses=answered(response_models.Job, 404, 409, *READ),
    openapi_extra={"parameters": [IDEMPOTENCY]},
    summary="Cancel a job",
)
async def cancel_job(
    job_id: str, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    async def act() -> Response:
        return await _changed(request, services, caller, await _cancel(job_id, caller, services))

    return await once(request, services, caller, None, act)


@own.delete(
    "/jobs/{job_id}",
    responses=answered(response_models.Job, 404, 409, *READ),
    summary="Cancel a job",
)
async def delete_job(
    job_id: str, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    return await _changed(request, services, caller, await _cancel(job_id, caller, services))


@own.post(
    "/jobs/{job_id}/retry",
    status_code=202,
    responses=answered(
        response_models.Job, 402, 404, 409, *READ, status=202, description="Accepted"
    ),
    openapi_extra={"parameters": [IDEMPOTENCY]},
    summary="Run a failed job again",
)
async def retry_job(
    job_id: str, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    async def act() -> Response:
        key = job_key(job_id)
        job = expect_job(await services.registry.retry([key], caller.scope), key)
        return await _changed(request, services, caller, job, 202)

    return await once(request, services, caller, None, act)


def job_key(text: str) -> str:
    """A job's id in its stored form. Raises `NotFound` for what can't be one."""
    if (key := _parsed(text)) is None:
        raise NotFound(f"there is no job {text[:80]!r}", details={"job_id": text[:80]})
    return key


async def _cancel(job_id: str, caller: Caller, services: Services) -> Job:
    key = job_key(job_id)
    return expect_job(await services.registry.cancel([key], caller.scope), key)


async def _changed(
    request: Request, services: Services, caller: Caller, job: Job, status: int = 200
) -> Response:
    return reply(await encode_job(request, services, caller, job), status)


def _wait_of(request: Request, services: Services) -> float:
    text = request.query_params.get("wait") if request.scope["query_string"] else None
    if text is None:
        return 0.0
    try:
        wait_s = float(text)
        if not 0 <= wait_s < float("inf"):
            raise ValueError(text)
    except ValueError:
        raise refusal(
            [
                fault(
                    ["query", "wait"],
                    f"must be seconds, not {text[:40]!r}",
                    kind="not_number",
                    value=text,
                    allowed="number from 0",
                )
            ]
        ) from None
    return min(wait_s, services.settings.max_wait_s)


def _states_of(status: str | None, state: State | None) -> tuple[State | None, ...]:
    if state is not None and status is None:
        return (state,)
    if status is None:
        return (None,)
    if status not in v1_shapes.STATES_OF:
        meant = closest(status, v1_shapes.STATES_OF)
        raise refusal(
            [
                fault(
                    ["query", "status"],
                    f"must be one of {_WORDS}, not {status[:40]!r}{did_you_mean(meant)}",
                    kind="not_allowed",
                    value=status,
                    allowed=list(v1_shapes.STATES_OF),
                    suggestion=meant,
                )
            ]
        )
    states = v1_shapes.STATES_OF[status]
    return states if state is None else tuple(one for one in states if one is state)


async def _page(
    services: Services, query: PageQuery, states: tuple[State | None, ...]
) -> list[Job]:
    pages = await asyncio.gather(
        *(services.registry.page(replace(query, state=state)) for state in states)
    )
    merged = sorted((job for page in pages for job in page), key=lambda job: job.id, reverse=True)
    return merged[: query.limit]


def _ms(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, round(aware.timestamp() * 1000))


def _cursor(last: Job, caller: Caller, services: Services) -> str:
    return services.signer.sign_cursor({"after": last.id, "tenant": caller.tenant})


def _after(cursor: str | None, caller: Caller, services: Services) -> str | None:
    if cursor is None:
        return None
    seen: dict[str, Any] = services.signer.read_cursor(cursor)
    after = seen.get("after")
    if seen.get("tenant") != caller.tenant or not isinstance(after, str):
        raise InvalidCursor
    return after
