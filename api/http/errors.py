"""Errors on their way out: every one a `ReelyardError`, in the words of its path's dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import FastAPI
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from reelyard.api.http.auth import identify_caller
from reelyard.api.http.request_rules.body_form import (
    unreadable_body,
    wrong_encoding,
    wrong_type,
)
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
_LONGEST_PATH = 200
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
        schema = _body_schema(request) if place == "body" else _parameters_schema(request)
        faults += faults_of([one | {"loc": inner}], schema, sent, str(place))
    return refusal(faults)


def _body_schema(request: Request) -> dict[str, Any]:
    body = getattr(request.scope.get("route"), "body_field", None)
    model = body.field_info.annotation if body is not None else None
    return _schema_of(model) if model is not None else {}


def _parameters_schema(request: Request) -> dict[str, Any]:
    """What the query, the path and the headers of the request's route take, by name."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    fields = [*get_flat_params(dependant)] if dependant is not None else []
    return {
        "properties": {
            field.alias: _schema_of(Annotated[field.field_info.annotation, field.field_info])
            for field in fields
        }
    }


def _schema_of(kind: Any) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema()


def from_http(error: HTTPException, request: Request) -> ReelyardError:
    """Starlette's error (no such route, wrong method, unreadable body) as ours."""
    if error.__cause__ is not None and error.status_code == 400:
        return unreadable_body(error.__cause__, request)
    if error.status_code == 404:
        return NotFound(f"there is nothing at {full_path(request)[:_LONGEST_PATH]!r}")
    if error.status_code == 405:
        allow = ", ".join(_methods(request))
        path = full_path(request)[:_LONGEST_PATH]
        words = f"{request.method} is not taken at {path!r}, which takes {allow or 'nothing'}"
        return MethodNotAllowed(words, details={"allow": allow, "value": request.method})
    cls = _BY_STATUS.get(error.status_code, BadRequest)
    if error.status_code >= 500:
        cls = Unavailable if error.status_code == 503 else ReelyardError
    return cls(str(error.detail or "") or None)


def _methods(request: Request) -> list[str]:
    """What the path takes. (Starlette names the methods of the first route alone.)"""
    scopes = {method: dict(request.scope) | {"method": method} for method in _METHODS}
    taken = {
        method
        for method, scope in scopes.items()
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
    }
    # What answers GET answers HEAD, too (see `reelyard.api.http.request_rules.head_requests`).
    return [name for name in _METHODS if name in taken or (name == "HEAD" and "GET" in taken)]


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
        told = wrong_encoding(request) or wrong_type(error, request)
        return response_for(told or from_validation(error, request), request)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return response_for(from_http(error, request), request)

    app.add_exception_handler(ReelyardError, reelyard)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)
