"""Every route of `/v1`, as one router."""

from __future__ import annotations

from fastapi import APIRouter

from reelyard.api.v1 import (
    admin,
    batch,
    event_stream,
    jobs,
    operations,
    submit,
    uploads,
    usage,
    videoconduit,
)

router = APIRouter()
for module in (jobs, submit, batch, event_stream, operations, uploads, usage, videoconduit, admin):
    router.include_router(module.router)
router.include_router(jobs.own)
