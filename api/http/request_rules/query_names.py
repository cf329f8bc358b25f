"""Names of query parameters: those that a route knows, and what becomes of others.

A parameter that is not known changes nothing, which its sender should learn: every answer names it
in a `Warning` header, and where no other API has to be served as it is, it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, override
from urllib.parse import parse_qsl, quote

from fastapi.dependencies.utils import get_flat_params
from fastapi.params import ParamTypes
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from reelyard.api.http.auth import identify_caller
from reelyard.cluster.faults import closest, refusal, unknown

_MOST_TOLD = 5
_LONGEST_NAME = 40


def known_names(route: object) -> list[str]:
    """The query parameters of a route: those that it declares, and those that it documents."""
    if not isinstance(route, APIRoute):
        return []
    declared = [
        field.alias
        for field in get_flat_params(route.dependant)
        if getattr(field.field_info, "in_", None) is ParamTypes.query
    ]
    documented = [
        entry["name"]
        for entry in (route.openapi_extra or {}).get("parameters", [])
        if entry["in"] == "query"
    ]
    return sorted({*declared, *documented})


def unknown_names(scope: Scope) -> list[str]:
    """The names in the request's query that its route does not know, each once."""
    route = scope.get("route")
    if not scope["query_string"] or not isinstance(route, APIRoute):
        return []
    text = scope["query_string"].decode("latin-1")
    sent = dict.fromkeys(name for name, _ in parse_qsl(text, keep_blank_values=True))
    known = known_names(route)
    return [name for name in sent if name not in known]


def warning(scope: Scope) -> str | None:
    """The `Warning` header (RFC 9111, section 5.5, code 299) of a request's answer, if any."""
    names = unknown_names(scope)
    if not names:
        return None
    known = known_names(scope["route"])
    told = "; ".join(_told(name, known) for name in names[:_MOST_TOLD])
    return f'299 reelyard "unknown query parameter: {told}. Known: {", ".join(known) or "none"}"'


def _told(name: str, known: list[str]) -> str:
    # As it stood in the URL: a header holds no more than ASCII.
    plain = quote(name, safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~")[:_LONGEST_NAME]
    meant = closest(name, known)
    return f"{plain} (did you mean {meant}?)" if meant else plain


class StrictQueryRoute(APIRoute):
    """A route of Reelyard's own: query parameters that it does not know are refused."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_known(request: Request) -> Response:
            if names := unknown_names(request.scope):
                # Strangers are told that they are, and nothing else.
                await identify_caller(request)
                known = known_names(self)
                raise refusal([_fault(name, known, request) for name in names[:_MOST_TOLD]])
            return await handle(request)

        return handle_known


def _fault(name: str, known: list[str], request: Request) -> dict[str, Any]:
    found = unknown(["query", name], known, request.query_params.get(name))
    words = found["message"].replace("field", "query parameter", 1)
    return found | {"message": f"{words}; known: {', '.join(known) or 'none'}"}
