"""The ASGI apps: everything JSON (`api`), and everything that moves bytes (`transfer`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import structlog
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from reelyard.api.http.errors import ErrorResponse, install_error_handlers
from reelyard.api.http.middleware import RequestMetrics, RequestMiddleware
from reelyard.api.http.services import Services, ServicesFactory
from reelyard.api.serving.openapi import doc_pages, error_schemas
from reelyard.api.serving.routes import TRANSFER_AT, byte_routers, json_routers
from reelyard.api.v1.errors import v1_error_response
from reelyard.api.v1.event_stream import StreamEnded

log = structlog.get_logger(__name__)

Part = Literal["api", "transfer"]


def create_app(
    services: Services | ServicesFactory, parts: Sequence[Part] = ("api", "transfer")
) -> FastAPI:
    """An app on `services`, or on those that it builds at its start-up.

    `("api",)` holds the JSON routes, `("transfer",)` those below `/api` without that prefix (Serve
    adds it); both together: one app with `transfer` mounted at `/api`.
    """
    metrics = RequestMetrics()
    if tuple(parts) == ("transfer",):
        return _finish(_transfer(), services, metrics, capped=False)
    main = _api()
    if "transfer" in parts:
        below = _transfer()
        _equip(below, metrics)
        main.mount(TRANSFER_AT, below)
        main.state.below = below
    return _finish(main, services, metrics, capped=True)


def error_shape(path: str) -> ErrorResponse:
    """How errors look at `path` (the whole path): each dialect has its own shape."""
    from reelyard.api import dolby, ittybit, pipelyn

    shapes: dict[str, ErrorResponse] = {
        "DolbyError": dolby.error_response,
        "PipelynError": pipelyn.error_response,
        "IttybitError": ittybit.error_response,
    }
    return shapes.get(error_schemas.name_at(path), v1_error_response)


def _api() -> FastAPI:
    app = _app(json_routers())
    doc_pages.add_doc_pages(app)
    return app


def _transfer() -> FastAPI:
    app = _app(byte_routers())
    doc_pages.add_doc_redirects(app)
    return app


def _app(routers: Iterable[APIRouter]) -> FastAPI:
    # The document is of both apps, and the pages are our own.
    app = FastAPI(lifespan=_lifespan, openapi_url=None)
    for router in routers:
        app.include_router(router)
    return app


def _equip(app: FastAPI, metrics: RequestMetrics) -> None:
    app.state.metrics = metrics
    app.state.error_shape = error_shape
    install_error_handlers(app)
    app.add_exception_handler(StreamEnded, _ended)


def _finish(
    app: FastAPI,
    services: Services | ServicesFactory,
    metrics: RequestMetrics,
    *,
    capped: bool,
) -> FastAPI:
    _equip(app, metrics)
    if isinstance(services, Services):
        _install(app, services)
    else:
        app.state.factory = services
    app.add_middleware(
        RequestMiddleware,
        metrics=metrics,
        max_bytes=services.settings.max_json_bytes if capped else None,
        open_paths=(f"{TRANSFER_AT}/",),
        form_paths=("/v1/uploads",),
    )
    return app


def _install(app: FastAPI, services: Services) -> None:
    app.state.services = services
    below = getattr(app.state, "below", None)
    if below is not None:
        below.state.services = services


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    factory: ServicesFactory | None = getattr(app.state, "factory", None)
    if factory is not None:
        _install(app, await factory.build())
    try:
        yield
    finally:
        await app.state.services.close()


async def _ended(request: Request, error: Exception) -> Response:  # noqa: ARG001  Starlette's signature
    return Response(status_code=204)
