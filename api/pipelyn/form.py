"""The form that Pipelyn's clients send: read as it arrives, its file kept as an upload."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterable, AsyncIterator

import msgspec
from starlette.requests import Request

from reelyard.actors.media.operation import mime_of
from reelyard.api.http.caller import Caller
from reelyard.api.http.errors import full_path
from reelyard.api.http.idempotency import key_of
from reelyard.api.http.services import Services
from reelyard.api.pipelyn import pipelyn_shapes
from reelyard.api.transfer.multipart import FormFile, receive_form
from reelyard.cluster.errors import (
    EmptySource,
    InvalidInput,
    ReelyardError,
    TooLarge,
    UnsupportedType,
)
from reelyard.cluster.storage import UploadInfo

_UNKNOWN_TYPES = ("", "application/octet-stream")


class OptimizeForm(msgspec.Struct, frozen=True):
    """A form that has come in: its file, already in our storage, and its fields."""

    upload: UploadInfo
    filename: str
    content_type: str
    preset: str
    sha256: str
    """Of the file, where the request has an idempotency key; else empty."""


async def read_form(request: Request, caller: Caller, services: Services) -> OptimizeForm:
    """Read the form. Raises `InvalidInput` without a file in `media`, `TooLarge`, and what
    Pipelyn answers to a broken form (`pipelyn_shapes.broken_form`)."""

    digest = hashlib.sha256() if key_of(request) is not None else None

    async def keep(file: FormFile, chunks: AsyncIterable[bytes]) -> UploadInfo | None:
        if file.field != "media":
            return None
        if digest is not None:
            chunks = _hashed(chunks, digest)
        return await services.uploads.receive(
            caller.tenant, chunks, filename=file.filename, content_type=file.content_type
        )

    async def drop(upload: UploadInfo | None) -> None:
        if upload is not None:
            await services.uploads.remove(upload.owner, upload.upload_id)

    try:
        form = await receive_form(request, services.settings.max_form_bytes, keep, drop)
    except UnsupportedType:
        raise InvalidInput(pipelyn_shapes.NO_FILE) from None
    except InvalidInput as error:
        raise pipelyn_shapes.broken_form(full_path(request), error.message) from None
    except TooLarge:
        raise TooLarge(pipelyn_shapes.too_large(services.settings.max_form_bytes)) from None
    for file, upload in form.files:
        if upload is not None:
            return OptimizeForm(
                upload=upload,
                filename=file.filename,
                content_type=_content_type(file),
                preset=pipelyn_shapes.preset_of(form.fields.get("preset")),
                sha256=digest.hexdigest() if digest is not None else "",
            )
    raise InvalidInput(pipelyn_shapes.NO_FILE)


async def check_sync(form: OptimizeForm, services: Services) -> None:
    """Raises `EmptySource` or `UnsupportedType` at once, where a job would only fail later."""
    try:
        if form.upload.length == 0:
            raise EmptySource(pipelyn_shapes.EMPTY_FILE)
        pipelyn_shapes.check_type(form.content_type)
    except ReelyardError:
        await services.uploads.remove(form.upload.owner, form.upload.upload_id)
        raise


async def _hashed(chunks: AsyncIterable[bytes], digest: hashlib._Hash) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _content_type(file: FormFile) -> str:
    declared = file.content_type.partition(";")[0].strip().lower()
    return mime_of(file.filename) if declared in _UNKNOWN_TYPES else declared
