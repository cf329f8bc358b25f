"""Refusals of a request in the words of `/v1`, placed where in its body the fault lies. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reelyard.cluster.errors import ReelyardError, ValidationFailed
from reelyard.cluster.faults import closest, details_of, did_you_mean, fault, moved, refusal


def in_body(error: ReelyardError, field: str) -> ReelyardError:
    """A fault found while planning, placed in the body: one that an operation found in its
    parameters lies below `field`."""
    faults = error.details.get("errors", [])
    if type(error) is ValidationFailed and faults and faults[0]["loc"][:1] != ["body"]:
        placed = [moved(one, "body", field) for one in faults]
        return ValidationFailed(error.message, details=details_of(placed))
    return error


def no_pool(name: str, there: Iterable[str]) -> ValidationFailed:
    """That there is no pool of that name: a job would wait for a worker that never comes."""
    known = sorted(there)
    meant = closest(name, known)
    message = f"there is no pool {name!r}{did_you_mean(meant)}; there are: {', '.join(known)}"
    one = fault(["body", "pool"], message, value=name, allowed=known, suggestion=meant)
    return refusal([one])
