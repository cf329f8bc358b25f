"""The ASGI apps: everything JSON (`api`), and everything that moves bytes (`transfer`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Literal

import structlog
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.requests import Request
from starlette.responses import Response

from api.http.errors import ErrorResponse, install_error_handlers
from api.http.middleware import RequestMetrics, RequestMiddleware
from api.http.services import Services, ServicesFactory
from api.serving import health, openapi
from api.v1.errors import v1_error_response
from api.v1.event_stream import StreamEnded

log = structlog.get_logger(__name__)

Part = Literal["api", "transfer"]
TRANSFER_AT = "/api"
_ABOUT = (
    "Media jobs on a Ray cluster. `/v1` is VideoConduit's API and Reelyard's own; beside it the "
    "job APIs of Dolby.io (`/media`), Pipelyn (`/api/media`) and ittybit (`/jobs`, `/tasks`)."
)


def create_app(
    services: Services | ServicesFactory, parts: Sequence[Part] = ("api", "transfer")
) -> FastAPI:
    """An app on `services`, or on those that it builds at its start-up.

    `("api",)` holds the JSON routes, `("transfer",)` those below `/api` without that prefix (Serve
    adds it); both together: one app with `transfer` mounted at `/api`.
    """
    metrics = RequestMetrics()
    if tuple(parts) == ("transfer",):
        return _finish(_transfer(), services, metrics, capped=False, at=TRANSFER_AT)
    main = _api()
    if "transfer" in parts:
        below = _transfer()
        _equip(below, metrics, TRANSFER_AT)
        main.mount(TRANSFER_AT, below)
        main.state.below = below
    return _finish(main, services, metrics, capped=True)


def error_shape(path: str) -> ErrorResponse:
    """How errors look at `path` (the whole path): each dialect has its own shape."""
    from api import dolby, ittybit, pipelyn

    if _under(path, "/media", "/v1/auth"):
        return dolby.error_response
    if _under(path, "/api/media", "/api/health", "/api/usage"):
        return pipelyn.error_response
    if _under(path, "/jobs", "/tasks"):
        return ittybit.error_response
    return v1_error_response


def _under(path: str, *roots: str) -> bool:
    return any(path == root or path.startswith(root + "/") for root in roots)


def _api() -> FastAPI:
    from api import dolby, ittybit
    from api.v1.router import router as v1_router

    app = _app("Reelyard", _ABOUT)
    for router in (v1_router, health.router, dolby.router, ittybit.router):
        app.include_router(router)
    return app


def _transfer() -> FastAPI:
    from api import pipelyn, transfer

    app = _app("Reelyard: bytes", "Uploads, downloads, and Pipelyn's API.")
    for router in (transfer.router, pipelyn.router):
        app.include_router(router)
    return app


def _app(title: str, description: str) -> FastAPI:
    # Its pages load nothing from elsewhere: a cluster may well not reach the internet.
    return FastAPIOffline(
        title=title,
        version=health.VERSION,
        description=description,
        lifespan=_lifespan,
        static_url="/docs/static",
    )


def _equip(app: FastAPI, metrics: RequestMetrics, at: str = "") -> None:
    app.state.metrics = metrics
    app.state.error_shape = error_shape
    install_error_handlers(app)
    app.add_exception_handler(StreamEnded, _ended)
    document = cache(lambda: openapi.document(app, at))
    app.openapi = document  # type: ignore[method-assign]  # FastAPI documents this way


def _finish(
    app: FastAPI,
    services: Services | ServicesFactory,
    metrics: RequestMetrics,
    *,
    capped: bool,
    at: str = "",
) -> FastAPI:
    _equip(app, metrics, at)
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
