"""The routes of VideoConduit's that name an operation of their own: preview and info."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field, field_validator
from starlette.requests import Request
from starlette.responses import Response

from reelyard.actors.jobs.model import JobSpec, State
from reelyard.api.http.bodies import Body
from reelyard.api.http.dependencies import CallerDep, ServicesDep
from reelyard.api.http.errors import json_response
from reelyard.api.http.idempotency import keyed
from reelyard.api.v1.openapi import response_models
from reelyard.api.v1.openapi.entries import IDEMPOTENCY, READ, SUBMIT, answered
from reelyard.api.v1.submit import accepted_response
from reelyard.cluster.errors import ReelyardError, Unavailable, error_from_dict

router = APIRouter(prefix="/v1", tags=["videoconduit"])
INFO_PRIORITY = 50
"""Somebody waits for the answer."""


Seconds = Annotated[float, Field(ge=0)]


class PreviewBody(Body):
    """VideoConduit's preview."""

    url: str = Field(min_length=1, max_length=8192)
    preview_type: Literal["gif", "thumbnail", "mosaic", "clip"]
    timestamp: Seconds | str | None = Field(
        None, description="thumbnail: seconds or MM:SS; unset: a quarter into the video"
    )
    start: Seconds | str | None = Field(None, description="gif, clip: seconds or MM:SS")
    duration: Annotated[float, Field(gt=0, le=30)] | None = Field(
        None, description="seconds; gif 5 (at most 15), clip 10 (at most 30)"
    )
    width: Annotated[int, Field(ge=16, le=3840)] | None = Field(None, description="pixels; 480")
    columns: Annotated[int, Field(ge=1, le=8)] | None = Field(None, description="mosaic; 4")
    rows: Annotated[int, Field(ge=1, le=8)] | None = Field(None, description="mosaic; 4")
    fps: Annotated[int, Field(ge=1, le=20)] | None = Field(None, description="gif; 10")
    webhook_url: None = Field(None, description="not yet: poll the job, or wait for its end")

    @field_validator("webhook_url", mode="before")
    @classmethod
    def _no_webhooks(cls, value: object) -> None:
        if value is not None:
            raise ValueError("no webhooks are delivered yet; poll GET /v1/jobs/{job_id} instead")


@router.post(
    "/preview",
    status_code=202,
    responses=answered(response_models.Accepted, *SUBMIT, status=202, description="Accepted"),
    openapi_extra={"parameters": [IDEMPOTENCY]},
    summary="A GIF, a thumbnail, a mosaic or a clip of a video",
)
async def create_preview(
    body: PreviewBody, request: Request, caller: CallerDep, services: ServicesDep
) -> Response:
    sent = body.model_dump(mode="json", exclude_unset=True)
    params = {name: value for name, value in sent.items() if name != "url" and value is not None}
    # Theirs is the frame at a quarter; the operation alone takes the key frame before it.
    params["exact"] = True
    spec = JobSpec(
        operation="preview",
        inputs=[await services.locate_input(body.url, caller, "url")],
        input=body.url,
        params=params,
        params_sent=sent,
        tenant=caller.tenant,
    )
    accepted = await services.registry.submit_one(keyed(spec, request, body))
    return accepted_response(accepted.job, replayed=accepted.replayed)


@router.get(
    "/info",
    responses=answered(response_models.Info, 400, 402, 403, 404, 409, 410, 422, *READ),
    summary="What a media file is: the one call that waits for its result",
)
async def get_info(
    url: Annotated[str, Query(min_length=1, max_length=8192)],
    caller: CallerDep,
    services: ServicesDep,
) -> Response:
    accepted = await services.registry.submit_one(
        JobSpec(
            operation="probe",
            inputs=[await services.locate_input(url, caller, "url")],
            input=url,
            tenant=caller.tenant,
            priority=INFO_PRIORITY,
        )
    )
    job_id = accepted.job.id
    job = await services.registry.wait(job_id, caller.scope, services.settings.max_wait_s)
    if not job.state.terminal:
        await services.registry.cancel([job_id], caller.scope)
        raise Unavailable("the source could not be looked at in time", retry_after_s=10)
    if job.state is not State.SUCCEEDED:
        raise _failure(job.error.code, job.error.message) if job.error else ReelyardError()
    return json_response((job.result or {}) | {"job_id": job.id, "source_url": job.input})


def _failure(code: str, message: str) -> ReelyardError:
    return error_from_dict({"code": code, "message": message})
