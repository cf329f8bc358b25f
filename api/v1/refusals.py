"""Refusals of a request, placed where in its body the fault lies."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.errors import ReelyardError, UnknownOperation, ValidationFailed


def in_body(error: ReelyardError, field: str) -> ReelyardError:
    """A fault that an operation found in its parameters, placed below `field` of the body."""
    if isinstance(error, UnknownOperation):
        error.details.setdefault("field", "operation")
    faults = error.details.get("errors", [])
    if type(error) is not ValidationFailed or any(fault["loc"][:1] == ["body"] for fault in faults):
        return error
    faults = [fault | {"loc": ["body", field, *fault["loc"]]} for fault in faults]
    if not faults:
        return error
    return ValidationFailed(error.message, details={"errors": faults})


def no_pool(name: str, there: Iterable[str]) -> ValidationFailed:
    """That there is no pool of that name: a job would wait for a worker that never comes."""
    message = f"there is no pool {name!r}; there are: {', '.join(sorted(there))}"
    fault = {"loc": ["body", "pool"], "msg": message, "type": "value_error"}
    return ValidationFailed(f"pool: {message}", details={"errors": [fault]})
