"""Pages of tasks, read out of pages of jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator

from reelyard.actors.jobs.model import Job, Task
from reelyard.api.http.caller import Caller
from reelyard.api.http.services import Services
from reelyard.api.ittybit import ittybit_shapes
from reelyard.cluster.errors import InvalidCursor, NotFound


async def task_page(
    caller: Caller, services: Services, *, limit: int, page: int, after: str | None
) -> tuple[list[tuple[Job, Task]], bool]:
    """Tasks behind `after`, the newest job's first, and whether there are more.

    `page` is for the older clients, which know no cursor: pages before it are passed over. Raises
    `ValidationFailed`, `InvalidCursor`.
    """
    ittybit_shapes.check_page(page, limit)
    first, found = (page - 1) * limit, list[tuple[Job, Task]]()
    async for entry in _tasks(caller, services, after):
        found.append(entry)
        if len(found) > first + limit:
            break
    return found[first : first + limit], len(found) > first + limit


async def _tasks(
    caller: Caller, services: Services, after: str | None
) -> AsyncIterator[tuple[Job, Task]]:
    last: str | None = None
    if after is not None:
        try:
            last, place = ittybit_shapes.read_task_id(after)
            job = await services.registry.get(last, caller.tenant)
        except NotFound:
            raise InvalidCursor(f"after: {after!r} is not the id of a task") from None
        for task in job.tasks[place + 1 :]:
            yield job, task
    while jobs := await services.registry.page(
        ittybit_shapes.page_query(caller.tenant, limit=100, after=last)
    ):
        last = jobs[-1].id
        for job in jobs:
            for task in job.tasks:
                yield job, task
