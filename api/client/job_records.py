"""What a client makes of jobs that it gets as records, from a registry or from the store."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx2

from reelyard.actors.jobs.locations import File, stored_key
from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import Job
from reelyard.api.client.files import copy_file, save_url
from reelyard.api.client.request import TENANT
from reelyard.api.client.transport import JobFilter
from reelyard.api.client.views import JobView, OutputView, view_of
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage


def page_query(which: JobFilter, limit: int, cursor: str | None) -> PageQuery:
    """The query for a page; the cursor is the last id itself: nothing crosses a trust boundary."""
    return PageQuery(
        tenant=TENANT,
        limit=limit,
        state=which.state,
        operation=which.operation,
        input=which.input,
        created_from_ms=which.created_from_ms,
        created_to_ms=which.created_to_ms,
        after_id=cursor,
    )


async def placed_view(job: Job, storage: Storage, settings: Settings) -> JobView:
    """The job with its outputs as paths of this machine, or as signed URLs."""
    urls: dict[str, str] = {}
    ends_ms: int | None = None
    for output in job.outputs:
        key = stored_key(output.url)
        if output.deleted or key is None:
            continue
        if (path := storage.local_path(key)) is not None:
            urls[output.url] = str(File.at(path))
            continue
        ttl_s = settings.url_ttl_s
        if (signed := await storage.sign("GET", key, ttl_s)) is not None:
            urls[output.url] = signed
            ends_ms = round(time.time() * 1000) + ttl_s * 1000
    if ends_ms is not None and job.outputs_expire_ms is not None:
        ends_ms = min(ends_ms, job.outputs_expire_ms)
    return view_of(job, urls, ends_ms)


async def save_output(output: OutputView, storage: Storage, path: Path) -> None:
    """Write an output's bytes to `path`."""
    if (found := output.path) is not None:
        await asyncio.to_thread(copy_file, found, path)
    elif (key := stored_key(output.url)) is not None:
        await storage.download(key, path)
    else:
        async with httpx2.AsyncClient() as http:
            await save_url(http, output.url, path)
