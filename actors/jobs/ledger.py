"""Movements of credits: one charge when a job begins, one refund if it does not succeed. Pure.

A job begun anew (`retry`) is a new purchase: its entries carry a number.
"""

from __future__ import annotations

import msgspec

from reelyard.actors.jobs.model import Job, State
from reelyard.actors.jobs.transitions import charges


class LedgerEntry(msgspec.Struct, frozen=True):
    """A movement of a tenant's credits; negative: a charge. At most one per (job_id, reason)."""

    tenant: str
    job_id: str
    reason: str
    """charge, refund (with the number of the retry behind it), or grant:<unique>."""
    credits: int
    at_ms: int

    @property
    def is_grant(self) -> bool:
        """Whether it limits the tenant from now on."""
        return self.reason.startswith("grant")


def charge(job: Job, now_ms: int) -> tuple[LedgerEntry, ...]:
    """The entry for beginning `job`; none if it is free."""
    if job.credits <= 0:
        return ()
    reason = reason_of("charge", charges(job))
    return (LedgerEntry(job.tenant, job.id, reason, -job.credits, now_ms),)


def refund(job: Job, now_ms: int) -> tuple[LedgerEntry, ...]:
    """The entry for a job that has just failed or been cancelled; marks it as refunded."""
    if job.credits <= 0 or job.refunded or job.state not in {State.FAILED, State.CANCELLED}:
        return ()
    job.refunded = True
    reason = reason_of("refund", charges(job))
    return (LedgerEntry(job.tenant, job.id, reason, job.credits, now_ms),)


def reason_of(what: str, number: int) -> str:
    """`charge`, `charge:2`, …"""
    return what if number == 1 else f"{what}:{number}"


def reasons(job: Job) -> list[str]:
    """Every reason under which the ledger may have an entry for `job`."""
    return [reason_of(what, n + 1) for what in ("charge", "refund") for n in range(charges(job))]
