"""Everything that moves bytes over HTTP: `router` is mounted under `/api`."""

from fastapi import APIRouter

from reelyard.api.transfer import files, uploads

__all__ = ["router"]

router = APIRouter()
router.include_router(files.router)
router.include_router(uploads.router)
