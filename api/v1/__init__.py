"""`/v1`: VideoConduit's API word for word, and Reelyard's own beyond it."""

from fastapi import APIRouter

from api.v1 import account, admin, batch, catalogue, jobs, stream, videoconduit

router = APIRouter()
for part in (jobs, batch, stream, catalogue, account, videoconduit, admin):
    router.include_router(part.router)

__all__ = ["router"]
