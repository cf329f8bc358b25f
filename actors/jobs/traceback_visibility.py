"""The visibility of a failure's traceback: who may read where in the code it happened. Pure."""

from __future__ import annotations

from typing import Any

from reelyard.actors.jobs.model import ErrorInfo

TRACEBACK = "traceback"
"""The field of an error's details that holds it."""


def sees_traceback(*, admin: bool, owner: bool, embedded: bool) -> bool:
    """Whether a caller reads the traceback of a job's exception.

    On an embedded cluster the owner of a job most likely wrote the operation, too; on a shared one
    only an operator may look into the code. Other tenants never see it.
    """
    return admin or (owner and embedded)


def told_error(error: ErrorInfo | None, *, traceback: bool) -> dict[str, Any] | None:
    """An error as a caller is told it, with its traceback only where he may see that."""
    if error is None:
        return None
    details = error.details
    if not traceback and TRACEBACK in details:
        details = {name: value for name, value in details.items() if name != TRACEBACK}
    return {
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
        "details": details,
    }
