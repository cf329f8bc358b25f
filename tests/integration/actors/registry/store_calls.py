"""Writing to a job store, and what its pages ought to hold."""

from __future__ import annotations

from typing import Any

from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import Job, State
from reelyard.actors.registry.store.protocol import JobStore, Write


async def put(store: JobStore, *jobs: Job, **fields: Any) -> None:
    writes = []
    for job in jobs:
        job.rev += 1
        writes.append(Write(job, job.rev - 1, **fields))
    assert all(await store.write(writes))


async def move(store: JobStore, job: Job, state: State, **fields: Any) -> None:
    job.state = state
    for name, value in fields.items():
        setattr(job, name, value)
    await put(store, job)


async def ids_of(store: JobStore, query: PageQuery) -> list[str]:
    return [job.id for job in await store.page(query)]


def expected(corpus: list[Job], query: PageQuery) -> list[str]:
    found = [
        job
        for job in corpus
        if job.tenant == query.tenant
        and query.state in (None, job.state)
        and query.operation in (None, job.operation)
        and query.kind in (None, job.kind)
        and query.input in (None, job.input)
        and (query.created_from_ms is None or job.created_ms >= query.created_from_ms)
        and (query.created_to_ms is None or job.created_ms <= query.created_to_ms)
    ]
    return [job.id for job in (found if query.ascending else reversed(found))]
