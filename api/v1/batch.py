"""`POST /v1/jobs:batch`: many jobs, each accepted or refused by itself."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from msgspec.structs import replace
from pydantic import BaseModel, Field, SkipValidation, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from reelyard.actors.jobs.messages import Accepted, Refusal
from reelyard.actors.jobs.model import JobSpec
from reelyard.api.http.bodies import Body
from reelyard.api.http.caller import Caller
from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.errors import json_response
from reelyard.api.http.idempotency import fingerprint, key_of, pledged
from reelyard.api.http.request_rules.query_names import StrictQueryRoute
from reelyard.api.http.services import Services
from reelyard.api.registry_client.client import refused
from reelyard.api.v1 import v1_shapes
from reelyard.api.v1.openapi import response_models
from reelyard.api.v1.openapi.entries import IDEMPOTENCY, SUBMIT, answered
from reelyard.api.v1.refusals import in_body
from reelyard.api.v1.request_bodies import BatchItem
from reelyard.api.v1.submit import spec_of
from reelyard.cluster.errors import ReelyardError
from reelyard.cluster.faults import fault, faults_of, refusal

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=StrictQueryRoute)


class BatchBody(BaseModel):
    """Jobs to run; each is looked at, and accepted or refused, by itself."""

    model_config = Body.model_config

    jobs: list[SkipValidation[BatchItem]] = Field(min_length=1)


@router.post(
    "/jobs:batch",
    status_code=202,
    responses=answered(
        response_models.BatchResult, *SUBMIT, status=202, description="See each item"
    ),
    openapi_extra={"parameters": [IDEMPOTENCY]},
    summary="Run many jobs",
)
async def create_jobs(
    body: BatchBody, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    """Each item is accepted or refused by itself; `results` are in the order of the items."""
    raw: list[Any] = list(body.jobs)
    if len(raw) > services.settings.max_batch_jobs:
        most = services.settings.max_batch_jobs
        raise refusal(
            [
                fault(
                    ["body", "jobs"],
                    f"a batch takes at most {most} jobs, not {len(raw)}",
                    kind="list_too_long",
                    allowed=f"list of 1 to {most} items",
                    limit=most,
                )
            ]
        )
    async with pledged(request, services, caller, raw) as pledge:
        bodies = await asyncio.to_thread(lambda: [_parse(item) for item in raw])
        specs = await _specs(bodies, request, raw, caller, services)
        outcomes = await _submit(specs, services)
        results = [_result(index, outcome) for index, outcome in enumerate(outcomes)]
        done = pledge.effects = sum("job_id" in result for result in results)
    return json_response(
        {"results": results, "accepted": done, "refused": len(results) - done}, 202
    )


def _parse(item: Any) -> BatchItem | ReelyardError:
    try:
        return BatchItem.model_validate(item)
    except ValidationError as error:
        return refusal(faults_of(error, BatchItem.model_json_schema(), item, "body"), "job")


async def _specs(
    bodies: list[BatchItem | ReelyardError],
    request: Request,
    raw: list[Any],
    caller: Caller,
    services: Services,
) -> list[JobSpec | ReelyardError]:
    """A spec for each body. The request's key covers the whole batch: each item gets the key with
    its place in it, and the fingerprint of everything."""
    whole = key_of(request)
    mark = fingerprint(request, raw) if whole is not None else ""
    specs: list[JobSpec | ReelyardError] = []
    for index, body in enumerate(bodies):
        if isinstance(body, ReelyardError):
            specs.append(body)
            continue
        key = f"{whole}#{index}" if whole is not None else body.idempotency_key
        own = mark or (fingerprint(request, body.model_dump(mode="json")) if key else "")
        try:
            spec = await spec_of(body, caller, services)
            specs.append(replace(spec, idempotency_key=key, fingerprint=own))
        except ReelyardError as error:
            specs.append(error)
    return specs


async def _submit(
    specs: list[JobSpec | ReelyardError], services: Services
) -> list[Accepted | ReelyardError]:
    answers = iter(
        await services.registry.submit([spec for spec in specs if isinstance(spec, JobSpec)])
    )
    outcomes: list[Accepted | ReelyardError] = []
    for spec in specs:
        outcome = next(answers) if isinstance(spec, JobSpec) else spec
        outcomes.append(refused(outcome) if isinstance(outcome, Refusal) else outcome)
    return outcomes


def _result(index: int, outcome: Accepted | ReelyardError) -> dict[str, Any]:
    if isinstance(outcome, Accepted):
        return v1_shapes.accepted_job(outcome.job)
    error = in_body(outcome, "params")
    return {"index": index, "status": error.http_status, "error": error.as_dict()}
