"""`/v1/admin`: pools, keys and credits, for admins alone."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from reelyard.api.http.bodies import Body
from reelyard.api.http.caller import Caller
from reelyard.api.http.dependencies import AdminDep, ServicesDep
from reelyard.api.http.errors import json_response
from reelyard.api.http.idempotency import once
from reelyard.api.http.request_rules.query_names import StrictQueryRoute
from reelyard.api.http.services import Services
from reelyard.api.v1 import v1_shapes
from reelyard.api.v1.openapi import response_models
from reelyard.api.v1.openapi.entries import IDEMPOTENCY, READ, answered
from reelyard.api.v1.request_bodies import MOST_CREDITS, KeyBody, RotationBody
from reelyard.cluster.errors import NotFound

router = APIRouter(prefix="/v1/admin", tags=["admin"], route_class=StrictQueryRoute)
_KEYED = {"parameters": [IDEMPOTENCY]}
_POOL: dict[str, Any] = {
    "responses": answered(response_models.PoolAnswer, 403, 404, 409, *READ),
    "openapi_extra": _KEYED,
}


class GrantBody(Body):
    """Credits for a tenant."""

    credits: int = Field(gt=0, le=MOST_CREDITS)


@router.get(
    "/overview",
    responses=answered(response_models.Overview, 403, *READ),
    summary="Pools, queues, running jobs, throughput",
)
async def get_overview(caller: AdminDep, services: ServicesDep) -> Response:  # noqa: ARG001  asks for an admin
    return json_response(v1_shapes.overview(await services.registry.overview()))


@router.post("/pools/{pool}/pause", **_POOL, summary="Hand out no more tasks of a pool")
async def pause_pool(
    pool: str, request: Request, caller: AdminDep, services: ServicesDep
) -> Response:
    return await _bring(pool, "paused", request, caller, services)


@router.post("/pools/{pool}/resume", **_POOL, summary="Hand out tasks of a pool again")
async def resume_pool(
    pool: str, request: Request, caller: AdminDep, services: ServicesDep
) -> Response:
    return await _bring(pool, "running", request, caller, services)


@router.post(
    "/pools/{pool}/drain", **_POOL, summary="Let a pool's workers finish what they run and exit"
)
async def drain_pool(
    pool: str, request: Request, caller: AdminDep, services: ServicesDep
) -> Response:
    return await _bring(pool, "draining", request, caller, services)


async def _bring(
    pool: str,
    state: Literal["paused", "running", "draining"],
    request: Request,
    caller: Caller,
    services: Services,
) -> Response:
    async def act() -> Response:
        workers = await _workers(pool, services)
        match state:
            case "paused":
                await services.registry.pause(pool)
            case "running":
                await services.registry.resume(pool)
            case "draining":
                await services.registry.drain(workers)
        return json_response({"pool": pool, "state": state, "workers": workers})

    return await once(request, services, caller, None, act)


@router.get(
    "/keys", responses=answered(response_models.KeyList, 403, *READ), summary="All API keys"
)
async def list_keys(caller: AdminDep, services: ServicesDep) -> Response:  # noqa: ARG001  asks for an admin
    return json_response(
        {"items": [v1_shapes.key(info) for info in await services.registry.accounts.all_keys()]}
    )


@router.post(
    "/keys",
    status_code=201,
    responses=answered(
        response_models.NewKey, 403, 409, 422, *READ, status=201, description="Created"
    ),
    openapi_extra=_KEYED,
    summary="Make an API key; its text is shown this once",
)
async def create_key(
    body: KeyBody, request: Request, caller: AdminDep, services: ServicesDep
) -> Response:
    async def act() -> Response:
        text, info = await services.registry.accounts.create_key(body.spec())
        return json_response({"key": text} | v1_shapes.key(info), 201)

    return await once(request, services, caller, body.model_dump(), act, secret=True)


@router.post(
    "/keys/{key_id}/rotate",
    status_code=201,
    responses=answered(
        response_models.NewKey, 403, 404, 409, 422, *READ, status=201, description="Created"
    ),
    openapi_extra=_KEYED,
    summary="Put a fresh key in a key's place; the old one ends after a while",
)
async def rotate_key(
    key_id: str, body: RotationBody, request: Request, caller: AdminDep, services: ServicesDep
) -> Response:
    async def act() -> Response:
        text, info = await services.registry.accounts.rotate_key(key_id, body.overlap_s)
        return json_response({"key": text} | v1_shapes.key(info), 201)

    return await once(request, services, caller, body.model_dump(), act, secret=True)


@router.delete(
    "/keys/{key_id}",
    responses=answered(response_models.Key, 403, 404, *READ),
    summary="Make a key worthless",
)
async def revoke_key(key_id: str, caller: AdminDep, services: ServicesDep) -> Response:  # noqa: ARG001  asks for an admin
    return json_response(v1_shapes.key(await services.registry.accounts.revoke_key(key_id)))


@router.post(
    "/tenants/{tenant}/credits",
    responses=answered(response_models.Usage, 403, 409, 422, *READ),
    openapi_extra=_KEYED,
    summary="Give a tenant credits",
)
async def grant_credits(
    tenant: str, body: GrantBody, request: Request, caller: AdminDep, services: ServicesDep
) -> Response:
    async def act() -> Response:
        await services.registry.accounts.grant(tenant, body.credits)
        return json_response(v1_shapes.usage(await services.registry.accounts.usage(tenant)))

    return await once(request, services, caller, body.model_dump(), act)


async def _workers(pool: str, services: Services) -> list[str]:
    pools: dict[str, Any] = {
        status.name: status for status in (await services.registry.overview()).pools
    }
    if pool not in pools and pool not in services.settings.all_pools:
        names = ", ".join(sorted(pools.keys() | services.settings.all_pools.keys()))
        raise NotFound(f"there is no pool {pool[:80]!r}; there are: {names}")
    return list(pools[pool].workers) if pool in pools else []
