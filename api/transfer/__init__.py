"""Everything that moves bytes over HTTP: `router` is mounted under `/api`."""

from fastapi import APIRouter

from reelyard.api.transfer import files, upload_routes

__all__ = ["router"]

router = APIRouter()
router.include_router(files.router)
router.include_router(upload_routes.router)
