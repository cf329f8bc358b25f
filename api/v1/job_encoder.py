"""Whole jobs as JSON, with URLs that a client can open."""

from __future__ import annotations

import time
from collections import OrderedDict

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from reelyard.actors.jobs.model import Job
from reelyard.api.http.caller import Caller
from reelyard.api.http.services import Services
from reelyard.api.v1.v1_shapes import whole_job

KEPT_JOBS = 2048
KEPT_S = 30.0
"""URLs handed out a second time are this much older than they look."""

type _Place = tuple[str, str, bool, str | None]

_encoder = msgspec.json.Encoder()


class JobEncoder:
    """Encodes whole jobs; remembers them while they stay as they are, for those who poll."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Place, tuple[Job, float, bytes]] = OrderedDict()

    async def body(self, request: Request, services: Services, caller: Caller, job: Job) -> bytes:
        """The JSON of `GET /v1/jobs/{id}`, as `caller` may see it."""
        waiting = await services.registry.waiting_for(job)
        place = (job.id, services.base_url(request), services.sees_traceback(caller, job), waiting)
        kept = self._kept.get(place)
        if kept is not None and kept[0] is job and time.monotonic() - kept[1] < KEPT_S:
            return kept[2]
        body = await encode_job(request, services, caller, job)
        self._kept[place] = (job, time.monotonic(), body)
        if len(self._kept) > KEPT_JOBS:
            self._kept.popitem(last=False)
        return body


async def encode_job(request: Request, services: Services, caller: Caller, job: Job) -> bytes:
    """The JSON of a whole job with fresh URLs, as `caller` may see it."""
    ends = round(time.time() * 1000) + services.settings.url_ttl_s * 1000
    urls = {
        output.url: await services.download_url(request, job, output)
        for output in job.outputs
        if not output.deleted
    }
    ends = min(ends, job.outputs_expire_ms or ends)
    traceback = services.sees_traceback(caller, job)
    waiting = await services.registry.waiting_for(job)
    return _encoder.encode(whole_job(job, urls, ends, traceback=traceback, waiting_for=waiting))


def reply(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Encoded JSON as a response."""
    return Response(body, status, headers, media_type="application/json")
