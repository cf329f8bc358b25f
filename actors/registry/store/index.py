"""The index of jobs that pages are made of, the same in both stores. Pure.

A job has two rows that say what it is and how it stands, and one for its input:

    (everything of the tenant,            partition)
    (tenant, operation and kind,          partition)
    (tenant, input,                       any)

A partition is a state, with queued and running in one, `open`, so that a lease moves no row; a
running job has one more row in `running`. Ids are UUIDv7, hence in order of creation: any page is
a merge of a few range scans by id, and a time window is an id range. A page for an operation
merges the kinds that the operation has had in that tenant (a handful), a page for a kind its
operations; the cost does not depend on how many jobs there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from reelyard.actors.jobs.ids import first_id_at
from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import Job, State
from reelyard.cluster.url_secrets import hide_secrets

END = b"\xff" * 17
"""Above every id."""


class Partition(IntEnum):
    """The part of a facet that a row lies in."""

    OPEN = 0
    RUNNING = 1
    SUCCEEDED = 2
    FAILED = 3
    CANCELLED = 4
    ANY = 5


Row = tuple[int, int]
"""(facet, partition)"""
Pair = tuple[str, str]
"""(operation, kind)"""

STATES: tuple[State, ...] = tuple(State)
CODES: dict[State, int] = {state: code for code, state in enumerate(STATES)}
FIRST_TERMINAL = CODES[State.SUCCEEDED]

_PARTITIONS = {
    State.QUEUED: Partition.OPEN,
    State.RUNNING: Partition.OPEN,
    State.SUCCEEDED: Partition.SUCCEEDED,
    State.FAILED: Partition.FAILED,
    State.CANCELLED: Partition.CANCELLED,
}
_STATEFUL = (Partition.OPEN, Partition.SUCCEEDED, Partition.FAILED, Partition.CANCELLED)


def id_bytes(job_id: str) -> bytes:
    """The 16 bytes of a UUID. Raises ValueError."""
    return bytes.fromhex(job_id.replace("-", ""))


def input_facet(tenant: str, text: str) -> int:
    """The facet of an input, a signed 64-bit hash."""
    digest = blake2b(f"{tenant}\0input\0{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


@lru_cache(maxsize=16384)
def _facet(*parts: str) -> int:
    digest = blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def all_facet(tenant: str) -> int:
    """The facet of all jobs of a tenant."""
    return _facet(tenant, "all")


def pair_facet(tenant: str, operation: str, kind: str) -> int:
    """The facet of one operation and kind."""
    return _facet(tenant, "pair", operation, kind)


@lru_cache(maxsize=16384)
def state_rows(tenant: str, operation: str, kind: str, code: int) -> tuple[Row, ...]:
    """The rows that depend on the state (a code of `CODES`)."""
    part = int(_PARTITIONS[STATES[code]])
    everything = all_facet(tenant)
    rows: tuple[Row, ...] = (
        (everything, part),
        (pair_facet(tenant, operation, kind), part),
    )
    if STATES[code] is State.RUNNING:
        rows += ((everything, int(Partition.RUNNING)),)
    return rows


class Scan(NamedTuple):
    """Ranges to merge: ids from `low` up to but without `high`, in each of `rows`."""

    rows: list[Row]
    low: bytes
    high: bytes
    ascending: bool

    def beyond(self, last: bytes) -> Scan:
        """The same scan, continued after the id `last`."""
        if self.ascending:
            return self._replace(low=last + b"\0")
        return self._replace(high=last)


def plan_scan(query: PageQuery, pairs: Iterable[Pair]) -> Scan:
    """The scan that holds every job that `query` asks for; `matches` sorts out the rest.

    `pairs`: the operations and kinds that the tenant has had.
    """
    low = id_bytes(first_id_at(query.created_from_ms)) if query.created_from_ms else b""
    high = END
    if query.created_to_ms is not None:
        high = id_bytes(first_id_at(query.created_to_ms + 1))
    scan = Scan(_rows(query, pairs), low, high, query.ascending)
    if query.after_id is not None:
        after = id_bytes(query.after_id)
        if (query.ascending and after >= scan.low) or (not query.ascending and after < scan.high):
            scan = scan.beyond(after)
    return scan


def _rows(query: PageQuery, pairs: Iterable[Pair]) -> list[Row]:
    if query.input is not None:
        return [(input_facet(query.tenant, text), int(Partition.ANY)) for text in _inputs(query)]
    if query.state is State.RUNNING:
        return [(all_facet(query.tenant), int(Partition.RUNNING))]
    partitions = [_PARTITIONS[query.state]] if query.state else _STATEFUL
    if query.operation is None and query.kind is None:
        facets = [all_facet(query.tenant)]
    else:
        facets = [
            pair_facet(query.tenant, operation, kind)
            for operation, kind in sorted(set(pairs))
            if query.operation in (None, operation) and query.kind in (None, kind)
        ]
    return [(facet, int(part)) for facet in facets for part in partitions]


def _inputs(query: PageQuery) -> list[str]:
    """The input asked for as records have it: without the secrets of a URL; or, in those of earlier
    versions, with them."""
    text = query.input or ""
    return list(dict.fromkeys([hide_secrets(text), text]))


def matches(job: Job, query: PageQuery) -> bool:
    """Whether the job is one that `query` asks for (its id range aside)."""
    return (
        job.tenant == query.tenant
        and (query.state is None or job.state is query.state)
        and (query.operation is None or job.operation == query.operation)
        and (query.kind is None or job.kind == query.kind)
        and (query.input is None or job.input in _inputs(query))
    )
