"""The protocol of a job store: what both stores promise, held by one contract suite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.messages import KeyInfo, PageQuery, Totals
from reelyard.actors.jobs.model import Job


class IdempotencyKey(msgspec.Struct, frozen=True):
    """A client's key for a request, remembered until `expires_ms`."""

    tenant: str
    key: str
    fingerprint: str
    job_id: str
    expires_ms: int
    at_ms: int = 0
    """When it was claimed; it may replace one that had expired by then."""


class Write(msgspec.Struct, frozen=True):
    """One job's change with all that belongs to it; atomic."""

    job: Job
    """With its new `rev`."""
    expected_rev: int
    """The revision that must be stored now; 0: the job must be new."""
    ledger: tuple[LedgerEntry, ...] = ()
    key: IdempotencyKey | None = None


class JobStore(Protocol):
    """Durable memory of the registry. Two implementations, one contract suite.

    A call returns only once its effect is on disk (SQLite: after the group commit; Redis: after
    the append-only file took it).
    """

    name: str

    async def open(self) -> None:
        """Connect, make the schema. Raises `Unavailable`."""

    async def open_for_reading(self) -> bool:
        """Connect for reading only, beside a registry that may be running; False: there is nothing
        to read yet. Raises `Unavailable`."""

    async def free_bytes(self) -> int | None:
        """Room that is left where the records lie; None: no limit known. Raises `Unavailable` if
        the store can't be reached."""

    async def close(self) -> None:
        """Finish what is under way and let go."""

    def write(self, writes: Sequence[Write]) -> asyncio.Future[list[bool]]:
        """Apply each write whose `expected_rev` is the stored one and whose idempotency key is
        free; False: it was not, and nothing of that write was done. In order, one durable commit
        for all of them. The jobs are taken down at once: they may be changed right after the
        call. The future raises `StorageFull` or `Unavailable`: nothing, or (if the answer
        was lost) all of it may have been done."""

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """The jobs that exist, by id."""

    async def page(self, query: PageQuery) -> list[Job]:
        """At most `query.limit` jobs in id order (newest first, or ascending), as filtered."""

    def active(self, batch: int = 500) -> AsyncIterator[list[Job]]:
        """Every job in a state that is not terminal, in id order, in batches."""

    async def counts(self, tenant: str | None = None) -> dict[str, int]:
        """Jobs by state, of one tenant or of all. Quick at any size."""

    async def totals(self, tenant: str) -> Totals:
        """Sums of what the tenant's succeeded jobs have added (`totals_of`)."""

    async def find_key(self, tenant: str, key: str, now_ms: int) -> IdempotencyKey | None:
        """An idempotency key that has not expired."""

    async def balance(self, tenant: str) -> int | None:
        """Sum of the tenant's ledger if it ever had a grant, else None: not limited."""

    async def spent(self, tenant: str) -> int:
        """Charges less refunds."""

    async def grant(self, entry: LedgerEntry) -> None:
        """Add a grant. The same entry again changes nothing."""

    async def outputs_due(self, now_ms: int, limit: int) -> list[Job]:
        """Terminal jobs whose `outputs_expire_ms` has passed, oldest first."""

    async def records_due(self, now_ms: int, limit: int) -> list[Job]:
        """Terminal jobs whose `expires_ms` has passed, oldest first."""

    async def delete(self, job_ids: Sequence[str]) -> int:
        """Delete terminal jobs' records with all their index entries; how many there were."""

    async def purge(self, now_ms: int, limit: int) -> int:
        """Drop expired idempotency keys; how many."""

    async def put_api_key(self, key_hash: str, info: KeyInfo) -> None:
        """Add or replace an API key (stored by its hash only)."""

    async def api_keys(self) -> dict[str, KeyInfo]:
        """All API keys by hash, revoked ones too."""

    async def set_paused(self, pool: str, *, paused: bool) -> None:
        """Note that a pool is paused, or no more."""

    async def paused_pools(self) -> set[str]:
        """The pools noted as paused."""

    async def secret(self, name: str, fresh: str) -> str:
        """The stored secret of that name; `fresh` is stored if there is none yet."""
