"""`/v1/operations`: the catalogue of what can be asked for."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from reelyard.actors.media.catalogue import find_operation, load_operations
from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.errors import json_response
from reelyard.api.http.request_rules.query_names import StrictQueryRoute
from reelyard.api.v1.openapi import response_models
from reelyard.api.v1.openapi.entries import READ, answered
from reelyard.cluster.errors import NotFound, UnknownOperation

router = APIRouter(prefix="/v1", tags=["operations"], route_class=StrictQueryRoute)


@router.get(
    "/operations",
    responses=answered(response_models.OperationList, *READ),
    summary="All operations",
)
async def list_operations(caller: CallerDep, services: ServicesDep) -> Response:  # noqa: ARG001  asks for a key
    catalogue = load_operations(services.settings.operations)
    return json_response({"items": [catalogue[name].describe() for name in sorted(catalogue)]})


@router.get(
    "/operations/{name}",
    responses=answered(response_models.Operation, 404, *READ),
    summary="An operation with its parameters: bounds, units, defaults",
)
async def get_operation(name: str, caller: CallerDep, services: ServicesDep) -> Response:  # noqa: ARG001  asks for a key
    load_operations(services.settings.operations)
    try:
        op = find_operation(name)
    except UnknownOperation as error:
        raise NotFound(error.message[:2000], details={"operation": name[:80]}) from None
    return json_response(op.describe() | {"parameters": op.params.model_json_schema()})
