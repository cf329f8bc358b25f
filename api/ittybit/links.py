"""URLs of a job's outputs, which work for a while."""

from __future__ import annotations

from starlette.requests import Request

from reelyard.actors.jobs.locations import stored_key
from reelyard.actors.jobs.model import Job, OutputFile
from reelyard.api.http.services import Services
from reelyard.api.ittybit import ittybit_shapes


async def links_of(job: Job, request: Request, services: Services) -> ittybit_shapes.Links:
    """URLs that work for a while, for every output in our own storage."""
    return {
        output.url: await services.download_url(request, job, output)
        for output in _stored_outputs(job)
    }


def _stored_outputs(job: Job) -> list[OutputFile]:
    made = [*job.outputs, *(output for task in job.tasks for output in task.outputs)]
    return [output for output in made if stored_key(output.url) is not None and not output.deleted]
