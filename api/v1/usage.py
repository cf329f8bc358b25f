"""`GET /v1/usage`: the account of the caller's tenant."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.errors import json_response
from reelyard.api.http.request_rules.query_names import StrictQueryRoute
from reelyard.api.v1 import v1_shapes
from reelyard.api.v1.openapi import response_models
from reelyard.api.v1.openapi.entries import READ, answered

router = APIRouter(prefix="/v1", tags=["account"], route_class=StrictQueryRoute)


@router.get(
    "/usage",
    responses=answered(response_models.Usage, *READ),
    summary="Credits, jobs by state, and sums",
)
async def get_usage(caller: CallerDep, services: ServicesDep) -> Response:
    return json_response(v1_shapes.usage(await services.registry.accounts.usage(caller.tenant)))
