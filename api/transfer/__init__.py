"""Everything that moves bytes over HTTP: `router` is mounted under `/api`."""

from fastapi import APIRouter

from api.transfer import files, uploads
from api.transfer.downloads import object_response
from api.transfer.multipart import Form, FormFile, check_length, receive_form

__all__ = ["Form", "FormFile", "check_length", "object_response", "receive_form", "router"]

router = APIRouter()
router.include_router(files.router)
router.include_router(uploads.router)
