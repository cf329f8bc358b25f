"""Refusals of a request in the words of `/v1`, placed where in its body the fault lies. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from actors.media.operation import validation_failed
from api.http.faults import pydantic_v1
from cluster.errors import ReelyardError, UnknownOperation, ValidationFailed


def in_body(error: ReelyardError, field: str) -> ReelyardError:
    """A fault found while planning, placed in the body: one that an operation found in its
    parameters below `field`, the name of an operation that there is not at `operation`."""
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


def unfit_body(error: ValidationError) -> ValidationFailed:
    """That a body is not what a route takes, as the client of a server reads it."""
    faults = [
        pydantic_v1(fault | {"loc": ["body", *fault["loc"]]})
        for fault in validation_failed("body", error).details["errors"]
    ]
    text = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in faults)
    return ValidationFailed(text, details={"errors": faults})
