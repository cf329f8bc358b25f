"""`/v1`: VideoConduit's API word for word, and Reelyard's own beyond it."""

from fastapi import APIRouter

from api.v1 import (
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

__all__ = ["router"]
