"""Errors on their way out: every one a `ReelyardError`, in the words of its path's dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from reelyard.api.http.auth import identify_caller
from reelyard.cluster.errors import (
    BadRequest,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    ReelyardError,
    RequestTimeout,
    StorageFull,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedType,
    ValidationFailed,
)
from reelyard.cluster.faults import Fault, faults_of, refusal

log = structlog.get_logger(__name__)

ErrorResponse = Callable[[ReelyardError, Request], Response]
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_BY_STATUS: dict[int, type[ReelyardError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    408: RequestTimeout,
    413: TooLarge,
    415: UnsupportedType,
    429: RateLimited,
    503: Unavailable,
}


_WAITS_S: dict[type[ReelyardError], float] = {Unavailable: 2, RateLimited: 10, StorageFull: 60}
"""What clients are told where the error itself does not say when to try again."""


def error_headers(error: ReelyardError) -> dict[str, str]:
    """`Retry-After`, `WWW-Authenticate` or `Allow` where they belong."""
    headers: dict[str, str] = {}
    wait_s = error.retry_after_s
    if wait_s is None:
        wait_s = next((s for kind, s in _WAITS_S.items() if isinstance(error, kind)), None)
    if wait_s is not None:
        headers["Retry-After"] = str(max(1, round(wait_s)))
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed) and (allow := error.details.get("allow")):
        headers["Allow"] = allow
    return headers


def json_response(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """`body` (records, dicts, lists) as a JSON response."""
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def from_validation(error: RequestValidationError, request: Request) -> ValidationFailed:
    """FastAPI's error as ours."""
    faults: list[Fault] = []
    for one in error.errors():
        place, *inner = one["loc"]
        # What is not in the body is told as it stands: its values are text, and not nested.
        sent = error.body if place == "body" else dict.fromkeys(inner)
        schema = _body_schema(request) if place == "body" else {}
        faults += faults_of([one | {"loc": inner}], schema, sent, str(place))
    return refusal(faults)


def _body_schema(request: Request) -> dict[str, Any]:
    body = getattr(request.scope.get("route"), "body_field", None)
    model = body.field_info.annotation if body is not None else None
    return TypeAdapter(model).json_schema() if model is not None else {}


def from_http(error: HTTPException) -> ReelyardError:
    """Starlette's error (no such route, wrong method, broken form) as ours."""
    cls = _BY_STATUS.get(error.status_code, BadRequest)
    if error.status_code >= 500:
        cls = Unavailable if error.status_code == 503 else ReelyardError
    allow = (error.headers or {}).get("Allow")
    known = {404: "there is nothing at this path", 405: None}
    message = known.get(error.status_code, str(error.detail or "") or None)
    return cls(message, details={"allow": allow} if allow else None)


def _methods(request: Request) -> list[str]:
    """What the path takes."""
    scopes = {method: dict(request.scope) | {"method": method} for method in _METHODS}
    return [
        method
        for method, scope in scopes.items()
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
    ]


def full_path(request: Request) -> str:
    """The path that the client asked for, whatever an app is mounted under."""
    path: str = request.scope["path"]
    root: str = request.scope.get("root_path", "")
    return path if not root or path.startswith(root + "/") else root + path


def response_for(error: ReelyardError, request: Request) -> Response:
    """`error` in the words of the dialect that the path belongs to."""
    shape: ErrorResponse = request.app.state.error_shape(full_path(request))
    try:
        return shape(error, request)
    except Exception:
        log.exception("a dialect could not word an error", code=error.code)
        body = {"detail": error.message, "code": error.code}
        return json_response(body, error.http_status, error_headers(error))


def unhandled(request: Request) -> Response:
    """The answer to whatever nobody foresaw; log it where it is caught."""
    return response_for(ReelyardError("something went wrong inside this server"), request)


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of a route come out through `response_for`."""

    async def reelyard(request: Request, error: Exception) -> Response:
        assert isinstance(error, ReelyardError)
        if error.http_status >= 500 or error.internal:
            log.warning(
                "request failed", code=error.code, path=full_path(request), internal=error.internal
            )
        return response_for(error, request)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # FastAPI looks at the body before it asks who sent it; the answer must not.
        try:
            await identify_caller(request)
        except ReelyardError as stranger:
            return response_for(stranger, request)
        return response_for(from_validation(error, request), request)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            # Starlette names the methods of the first route alone.
            error.headers = {"Allow": ", ".join(_methods(request))}
        return response_for(from_http(error), request)

    app.add_exception_handler(ReelyardError, reelyard)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)
