"""Entries of the OpenAPI document that the routes of `/v1` share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from reelyard.api.v1.openapi.response_models import Error

_MEANINGS = {
    400: "The input, the cursor or another part of the request makes no sense.",
    401: "Invalid or missing API key.",
    402: "Not enough credits: `required` and `available` tell more.",
    403: "Not allowed with this key.",
    404: "There is no such thing, or it is another tenant's.",
    409: "The present state does not allow that.",
    410: "It was here and has expired.",
    413: "The body is too large.",
    415: "This content type is not taken here.",
    422: "A field has a value that is not allowed.",
    429: "Too many requests; `Retry-After` tells when to try again.",
    503: "Not ready; `Retry-After` tells when to try again.",
    507: "No room left.",
}

READ = (401, 429, 503)
SUBMIT = (400, 401, 402, 403, 404, 409, 410, 413, 422, 429, 503, 507)


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of those error answers."""
    return {
        status: {"model": Error, "description": _MEANINGS[status]}
        for status in sorted(set(statuses))
    }


def answered(
    model: type[BaseModel], *statuses: int, status: int = 200, description: str = "OK"
) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of a successful answer and of those error answers."""
    return {status: {"model": model, "description": description}, **errors(*statuses)}


def parameter(name: str, schema: dict[str, Any], description: str, where: str = "query") -> Any:
    """An OpenAPI parameter of a route that reads it from the request itself."""
    return {
        "name": name,
        "in": where,
        "required": False,
        "schema": schema,
        "description": description,
    }


IDEMPOTENCY = parameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    "The same key with the same body within 24 hours gets the first answer again; "
    "with another body 422.",
    where="header",
)
