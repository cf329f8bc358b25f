"""Errors in the shape of `/v1`: VideoConduit's `{detail, code}`."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from reelyard.api.http.errors import error_headers, json_response
from reelyard.api.http.pydantic_v1_wording import pydantic_v1
from reelyard.cluster.errors import (
    IdempotencyMismatch,
    InsufficientCredits,
    RateLimited,
    ReelyardError,
    ValidationFailed,
)
from reelyard.cluster.faults import PLACES, Fault, fault, moved

_PLACES = [[place] for place in PLACES]


def v1_error_response(error: ReelyardError, request: Request) -> Response:  # noqa: ARG001  one signature for all dialects
    """`{detail, code}`; `detail` is FastAPI's list for a 422 (pydantic v1's wording)."""
    return json_response(error_body(error), error.http_status, error_headers(error))


def error_body(error: ReelyardError) -> dict[str, Any]:
    """The body of `v1_error_response`: `code`, `message`, `retryable` and `details` as everywhere,
    and what VideoConduit's clients read: `detail`; 402: `required` and `available`; 429:
    `retry_after` seconds."""
    body: dict[str, Any] = {"detail": error.message} | error.as_dict()
    if isinstance(error, ValidationFailed) and not isinstance(error, IdempotencyMismatch):
        body["detail"] = [pydantic_v1(fault) for fault in faults_of(error)]
    elif isinstance(error, InsufficientCredits):
        needed = error.details.get("required", error.details.get("needed"))
        body |= {"required": needed, "available": error.details.get("available")}
    elif isinstance(error, RateLimited):
        body |= error.details
    return body


def faults_of(error: ValidationFailed) -> list[Fault]:
    """Every fault, its `loc` beginning with where it was: body, query …"""
    faults = error.details.get("errors") or [
        fault([field] if (field := error.details.get("field")) else [], error.message)
    ]
    return [one if one["loc"][:1] in _PLACES else moved(one, "body") for one in faults]
