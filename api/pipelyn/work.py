"""What Pipelyn's handlers delegate to: forms, submits, waits, files."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors.jobs.model import Job, JobSpec, OutputFile, State
from actors.media.operation import find_operation, mime_of
from api.http.caller import Caller
from api.http.errors import full_path
from api.http.idempotency import fingerprint, key_of
from api.http.services import Services
from api.http.signing import Disposition
from api.pipelyn import pipelyn_shapes
from api.transfer.downloads import object_response
from api.transfer.multipart import FormFile, receive_form
from cluster.errors import (
    EmptySource,
    InvalidInput,
    NotFound,
    ReelyardError,
    TimedOut,
    TooLarge,
    UnsupportedType,
    error_from_dict,
)
from cluster.storage import UploadInfo
from cluster.storage.key_rules import SCHEME

_UNKNOWN_TYPES = ("", "application/octet-stream")


class Submission(msgspec.Struct, frozen=True):
    """A form that has come in: its file, already in our storage, and its fields."""

    upload: UploadInfo
    filename: str
    content_type: str
    preset: str
    sha256: str
    """Of the file, where the request has an idempotency key; else empty."""


async def receive(request: Request, caller: Caller, services: Services) -> Submission:
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
            await services.uploads.remove(upload.tenant, upload.upload_id)

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
            return Submission(
                upload=upload,
                filename=file.filename,
                content_type=_content_type(file),
                preset=pipelyn_shapes.preset_of(form.fields.get("preset")),
                sha256=digest.hexdigest() if digest is not None else "",
            )
    raise InvalidInput(pipelyn_shapes.NO_FILE)


async def check_sync(form: Submission, services: Services) -> None:
    """Raises `EmptySource` or `UnsupportedType` at once, where a job would only fail later."""
    try:
        if form.upload.length == 0:
            raise EmptySource(pipelyn_shapes.EMPTY_FILE)
        pipelyn_shapes.check_type(form.content_type)
    except ReelyardError:
        await services.uploads.remove(form.upload.tenant, form.upload.upload_id)
        raise


async def submit(form: Submission, request: Request, caller: Caller, services: Services) -> Job:
    """The accepted job. Raises whatever it is refused for."""
    key = key_of(request)
    sent = [form.sha256, form.filename, form.content_type, form.preset]
    announced = form.content_type.partition("/")[0]
    media = {"media": announced} if announced in pipelyn_shapes.SYNC_LIMITS_S else {}
    spec = JobSpec(
        operation="optimize",
        inputs=[form.upload.location],
        params={"preset": form.preset} | media,
        tenant=caller.tenant,
        dialect="pipelyn",
        input=form.filename,
        extra={
            "preset": form.preset,
            "filename": form.filename,
            "input_bytes": form.upload.length,
            "content_type": form.content_type,
        },
        credits=find_operation("optimize").credits,
        idempotency_key=key,
        fingerprint=fingerprint(request, sent) if key is not None else "",
    )
    try:
        accepted = await services.registry.submit_one(spec)
    except ReelyardError as error:
        # After a fault of ours the job may exist all the same, and then needs its input.
        if error.http_status < 500:
            await services.uploads.remove(caller.tenant, form.upload.upload_id)
        raise
    if accepted.replayed:
        await services.uploads.remove(caller.tenant, form.upload.upload_id)
    return accepted.job


async def run_to_end(job: Job, caller: Caller, services: Services) -> Job:
    """The job once it has succeeded. Raises what it failed with, or `TimedOut` and cancels it."""
    limit_s = pipelyn_shapes.SYNC_LIMITS_S.get(job.kind, pipelyn_shapes.SYNC_LIMITS_S["video"])
    ended = await services.registry.wait(job.id, caller.tenant, limit_s)
    if not ended.state.terminal:
        await services.registry.cancel([job.id], caller.tenant)
        raise TimedOut(f"Encoding took longer than {limit_s} seconds")
    if ended.state is State.SUCCEEDED:
        return ended
    if ended.error is None:
        raise ReelyardError("The job was cancelled")
    raise error_from_dict(msgspec.to_builtins(ended.error))


async def url_of(job: Job, request: Request, services: Services) -> str | None:
    """Where the output can be had: a presigned URL, or our own download path."""
    output = _first_output(job)
    if output is None:
        return None
    if not output.url.startswith(SCHEME):
        return output.url
    key = output.url.removeprefix(SCHEME)
    signed = await services.storage.sign("GET", key, services.settings.url_ttl_s, output.name)
    return signed or f"{services.base_url(request)}/api/media/jobs/{job.id}/download"


async def output_response(
    job: Job,
    request: Request,
    services: Services,
    disposition: Disposition,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The bytes of the output. Raises `NotFound` if it is not (or no longer) in our storage."""
    output = _first_output(job)
    if output is None or not output.url.startswith(SCHEME):
        raise NotFound("Stored output not found")
    return await object_response(
        request,
        services.storage,
        output.url.removeprefix(SCHEME),
        filename=output.name,
        content_type=output.content_type,
        disposition=disposition,
        cache_control="no-store",
        redirect=False,
        headers=headers,
    )


def _first_output(job: Job) -> OutputFile | None:
    return next((output for output in job.outputs if not output.deleted), None)


async def _hashed(chunks: AsyncIterable[bytes], digest: hashlib._Hash) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _content_type(file: FormFile) -> str:
    declared = file.content_type.partition(";")[0].strip().lower()
    return mime_of(file.filename) if declared in _UNKNOWN_TYPES else declared
