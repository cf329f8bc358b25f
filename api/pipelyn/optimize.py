"""A form with a file as a job of our `optimize` operation, and the wait for its end."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from reelyard.actors.jobs.locations import Stored
from reelyard.actors.jobs.model import Job, JobSpec, State
from reelyard.api.http.caller import Caller
from reelyard.api.http.idempotency import keyed
from reelyard.api.http.services import Services
from reelyard.api.pipelyn import pipelyn_shapes
from reelyard.api.pipelyn.form import OptimizeForm
from reelyard.cluster.errors import (
    ReelyardError,
    TimedOut,
    error_from_dict,
)


async def submit(form: OptimizeForm, request: Request, caller: Caller, services: Services) -> Job:
    """The accepted job. Raises whatever it is refused for."""
    sent = [form.sha256, form.filename, form.content_type, form.preset]
    announced = form.content_type.partition("/")[0]
    media = {"media": announced} if announced in pipelyn_shapes.SYNC_LIMITS_S else {}
    spec = JobSpec(
        operation="optimize",
        inputs=[str(Stored(form.upload.prefix))],
        params={"preset": form.preset} | media,
        tenant=caller.tenant,
        dialect="pipelyn",
        input=form.filename,
        input_bytes=form.upload.length,
        extra=msgspec.to_builtins(pipelyn_shapes.SentFile(form.filename, form.content_type)),
    )
    try:
        accepted = await services.registry.submit_one(keyed(spec, request, sent))
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
