"""The output of a job: its URL, and its bytes as a response."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from reelyard.actors.jobs.locations import stored_key
from reelyard.actors.jobs.model import Job, OutputFile
from reelyard.api.http.services import Services
from reelyard.api.http.signing import Disposition
from reelyard.api.transfer.downloads import object_response
from reelyard.cluster.errors import NotFound


async def output_url(job: Job, request: Request, services: Services) -> str | None:
    """Where the output can be had: a presigned URL, or our own download path."""
    output = _first_output(job)
    if output is None:
        return None
    if (key := stored_key(output.url)) is None:
        return output.url
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
    if output is None or (key := stored_key(output.url)) is None:
        raise NotFound("Stored output not found")
    return await object_response(
        request,
        services.storage,
        key,
        filename=output.name,
        content_type=output.content_type,
        disposition=disposition,
        cache_control="no-store",
        redirect=False,
        headers=headers,
    )


def _first_output(job: Job) -> OutputFile | None:
    return next((output for output in job.outputs if not output.deleted), None)
