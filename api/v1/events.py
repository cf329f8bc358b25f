"""Server-sent events of a job: its history, to be replayed, and its progress, which is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from fastapi.sse import ServerSentEvent

from actors.jobs.model import Change, Job
from actors.jobs.times import iso
from api.v1 import v1_shapes

RECONNECT_MS = 2000


def last_event_id(text: str | None) -> int:
    """The number in a `Last-Event-ID` header; 0 for none, or for what is no number of ours."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0


async def job_events(jobs: AsyncIterator[Job], after_seq: int) -> AsyncIterator[ServerSentEvent]:
    """Events for snapshots of a job as they come.

    `state`: an entry of the history after `after_seq`, with its number as id. `progress`: without
    an id, as a client that missed some needs only the next one.
    """
    first, shown = True, None
    async for job in jobs:
        for change in job.history:
            if change.seq > after_seq:
                after_seq = change.seq
                yield _event(
                    "state",
                    _change(job, change),
                    id=str(change.seq),
                    retry=RECONNECT_MS if first else None,
                )
                first = False
        progress = _progress(job)
        if progress != shown and not job.state.terminal:
            shown = progress
            yield _event("progress", progress, retry=RECONNECT_MS if first else None)
            first = False


def _change(job: Job, change: Change) -> dict[str, Any]:
    body: dict[str, Any] = {
        "job_id": job.id,
        "seq": change.seq,
        "state": change.state,
        "status": v1_shapes.STATUS[change.state],
        "at": iso(change.at_ms),
        "at_ms": change.at_ms,
        "note": change.note,
    }
    if change.state.terminal:
        body["job"] = v1_shapes.short_job(job)
    return body


def _progress(job: Job) -> dict[str, Any]:
    short = v1_shapes.short_job(job)
    kept = ("job_id", "state", "status", "progress", "phase", "speed", "eta_s")
    return {name: short[name] for name in kept}


def _event(
    name: str, body: dict[str, Any], *, id: str | None = None, retry: int | None = None
) -> ServerSentEvent:
    return ServerSentEvent(
        raw_data=msgspec.json.encode(body).decode(), event=name, id=id, retry=retry
    )


class StreamEnded(Exception):
    """The job has ended and the client has seen all of it: HTTP 204 tells it to stop asking."""
