"""Errors in the shape of `/v1`: VideoConduit's `{detail, code}`."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.http.errors import error_headers, json_response
from api.http.faults import pydantic_v1
from cluster.errors import (
    IdempotencyMismatch,
    InsufficientCredits,
    MediaError,
    RateLimited,
    ReelyardError,
    ValidationFailed,
)


def v1_error_response(error: ReelyardError, request: Request) -> Response:  # noqa: ARG001  one signature for all dialects
    """`{detail, code}`; `detail` is FastAPI's list for a 422 (pydantic v1's wording)."""
    return json_response(error_body(error), error.http_status, error_headers(error))


def error_body(error: ReelyardError) -> dict[str, Any]:
    """The body of `v1_error_response`.

    422: `message` is the sentence. 402: `required` and `available`; 429: `retry_after` seconds.
    """
    body: dict[str, Any] = {"detail": error.message, "code": error.code}
    if isinstance(error, ValidationFailed) and not isinstance(error, IdempotencyMismatch):
        body["detail"] = [pydantic_v1(fault) for fault in faults_of(error)]
        body["message"] = error.message
    elif isinstance(error, InsufficientCredits):
        needed = error.details.get("required", error.details.get("needed"))
        body |= {"required": needed, "available": error.details.get("available")}
    elif isinstance(error, RateLimited):
        body |= error.details
    elif isinstance(error, MediaError):
        body["retryable"] = error.retryable
    return body


def faults_of(error: ValidationFailed) -> list[dict[str, Any]]:
    """`{loc, msg, type}` of every fault; `loc` begins with where it was: body, query …"""
    faults = error.details.get("errors") or [
        {
            "loc": [field] if (field := error.details.get("field")) else [],
            "msg": error.message,
            "type": f"value_error.{error.code}",
        }
    ]
    return [fault | {"loc": _whole_loc(fault["loc"])} for fault in faults]


def _whole_loc(loc: list[str | int]) -> list[str | int]:
    known = ("body", "query", "path", "header", "cookie")
    return loc if loc and loc[0] in known else ["body", *loc]
