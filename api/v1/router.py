"""Every route of `/v1`, as one router."""

from __future__ import annotations

from fastapi import APIRouter

from api.v1 import account, admin, batch, catalogue, jobs, stream, videoconduit

router = APIRouter()
for part in (jobs, batch, stream, catalogue, account, videoconduit, admin):
    router.include_router(part.router)
