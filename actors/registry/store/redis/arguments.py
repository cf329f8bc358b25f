"""Arguments of the Lua scripts of the Redis store. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from reelyard.actors.jobs.ledger import reasons
from reelyard.actors.jobs.model import Job
from reelyard.actors.registry.store.index import all_facet, input_facet, pair_facet
from reelyard.actors.registry.store.records import Row


def hex_facet(facet: int) -> str:
    """A facet as it stands in a key: 16 hexadecimal digits."""
    return f"{facet & (1 << 64) - 1:016x}"


def write_arguments(row: Row) -> tuple[Any, ...]:
    """The 15 arguments of one write in `redis_write.lua`."""
    entries = [
        {
            "tenant": entry.tenant,
            "job_id": entry.job_id,
            "reason": entry.reason,
            "credits": entry.credits,
            "grant": entry.is_grant,
        }
        for entry in row.ledger
    ]
    return (
        row.id,
        f"{row.expected:012d}",
        f"{row.rev:012d}",
        str(row.code),
        row.tenant,
        f"{row.operation}\0{row.kind}",
        hex_facet(all_facet(row.tenant)),
        hex_facet(pair_facet(row.tenant, row.operation, row.kind)),
        hex_facet(input_facet(row.tenant, row.input)) if row.input and not row.expected else "",
        "" if row.due_ms is None else row.due_ms,
        "" if row.outputs_ms is None else row.outputs_ms,
        row.doc,
        msgspec.json.encode(entries) if entries else "",
        msgspec.json.encode(row.key) if row.key else "",
        msgspec.json.encode(row.totals) if row.totals else "",
    )


def delete_arguments(stored: bytes, code: int, job: Job) -> tuple[Any, ...]:
    """The 7 arguments of one job in `redis_delete.lua`."""
    fields = [f"{job.id}\0{reason}" for reason in reasons(job)]
    return (
        stored,
        str(code),
        job.tenant,
        hex_facet(all_facet(job.tenant)),
        hex_facet(pair_facet(job.tenant, job.operation, job.kind)),
        hex_facet(input_facet(job.tenant, job.input)) if job.input else "",
        msgspec.json.encode(fields) if job.credits else "",
    )
