"""Queries of the SQLite store: they run on reader threads, beside the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import Job
from reelyard.actors.registry.store.index import Pair, Row, Scan, plan_scan
from reelyard.actors.registry.store.pages import walk
from reelyard.actors.registry.store.records import decode_jobs
from reelyard.actors.registry.store.sqlite.transaction import marks, parts

MAX_TERMS = 200
"""Ranges in one compound query; SQLite takes 500."""

_BY_ID = "SELECT id, doc FROM jobs WHERE id IN ({})"
_RANGE = (
    "SELECT * FROM (SELECT id FROM facets WHERE facet = ? AND part = ? AND id >= ? AND id < ? {})"
)
_DUE = {
    "due_ms": "SELECT id, doc FROM jobs WHERE due_ms <= ? ORDER BY due_ms LIMIT ?",
    "outputs_ms": "SELECT id, doc FROM jobs WHERE outputs_ms <= ? ORDER BY outputs_ms LIMIT ?",
}


def jobs_by_id(connection: sqlite3.Connection, ids: Sequence[bytes]) -> dict[bytes, Job]:
    """The jobs that exist."""
    found: dict[bytes, Job] = {}
    for part in parts(ids):
        found |= decode_jobs(connection.execute(_BY_ID.format(marks(len(part))), part))
    return found


def page(connection: sqlite3.Connection, query: PageQuery) -> list[Job]:
    """At most `query.limit` jobs in id order, as filtered."""
    pairs: list[Pair] = []
    if query.operation is not None or query.kind is not None:
        pairs = known_pairs(connection, query.tenant)
    walking = walk(query, plan_scan(query, pairs))
    wanted = next(walking)
    while True:
        ids = scan_ids(connection, *wanted)
        try:
            wanted = walking.send((ids, jobs_by_id(connection, ids)))
        except StopIteration as done:
            return list(done.value)


def scan_ids(connection: sqlite3.Connection, scan: Scan, limit: int) -> list[bytes]:
    """The first `limit` ids of the merged ranges."""
    ids: set[bytes] = set()
    for start in range(0, len(scan.rows), MAX_TERMS):
        ids.update(_merge(connection, scan, scan.rows[start : start + MAX_TERMS], limit))
    return sorted(ids, reverse=not scan.ascending)[:limit]


def _merge(
    connection: sqlite3.Connection, scan: Scan, rows: Sequence[Row], limit: int
) -> list[bytes]:
    tail = f"ORDER BY id {'ASC' if scan.ascending else 'DESC'} LIMIT {limit:d}"
    query = " UNION ALL ".join([_RANGE.format(tail)] * len(rows))
    values = [value for row in rows for value in (*row, scan.low, scan.high)]
    return [job_id for (job_id,) in connection.execute(f"{query} {tail}", values)]


def known_pairs(connection: sqlite3.Connection, tenant: str) -> list[Pair]:
    """Operations and kinds that the tenant has had."""
    return list(connection.execute("SELECT operation, kind FROM pairs WHERE tenant = ?", (tenant,)))


def due(connection: sqlite3.Connection, column: str, now_ms: int, limit: int) -> list[Job]:
    """Terminal jobs whose time in `column` (due_ms or outputs_ms) has come, oldest first."""
    return list(decode_jobs(connection.execute(_DUE[column], (now_ms, limit))).values())


def tenants(connection: sqlite3.Connection) -> list[str]:
    """Every tenant that has had a job."""
    return [name for (name,) in connection.execute("SELECT DISTINCT tenant FROM counts")]
