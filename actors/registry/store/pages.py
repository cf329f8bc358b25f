"""The walk through a page of jobs, whatever the store. Pure."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import Job
from reelyard.actors.registry.store.index import Scan, id_bytes, matches

MAX_CHUNK = 1000

Fetched = tuple[list[bytes], dict[bytes, Job]]
"""Ids in order, and those of their jobs that exist."""


def walk(query: PageQuery, scan: Scan) -> Generator[tuple[Scan, int], Fetched, list[Job]]:
    """Ask for chunks (a scan and how many ids) until the page is full or the scan is over."""
    found: list[Job] = []
    size = query.limit
    while True:
        ids, jobs = yield scan, size
        found += [jobs[i] for i in ids if i in jobs and matches(jobs[i], query)]
        if len(found) >= query.limit or len(ids) < size:
            return found[: query.limit]
        scan = scan.beyond(ids[-1])
        size = min(MAX_CHUNK, size * 2)


def to_ids(job_ids: Sequence[str]) -> dict[bytes, str]:
    """Stored ids to the ids asked for; what is no UUID is left out."""
    found: dict[bytes, str] = {}
    for job_id in job_ids:
        try:
            stored = id_bytes(job_id)
        except ValueError:
            continue
        if len(stored) == 16:
            found[stored] = job_id
    return found
