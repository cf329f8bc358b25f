"""`/`, `/docs`, `/redoc` and `/openapi.json`: the reference, on pages that load nothing from
elsewhere, as a cluster may well not reach the internet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

import fastapi_offline
import msgspec
from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from reelyard.api.http.dependencies import ServicesDep
from reelyard.api.serving.openapi.document import build_document
from reelyard.cluster.settings import Settings

DOCS, REDOC, DOCUMENT = "/docs", "/redoc", "/openapi.json"
STATIC = "/docs/static"
_REDOC_JS = f"{STATIC}/redoc.standalone.js"
_FILES = Path(fastapi_offline.__file__).parent / "static"
_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
"""Redoc's bundle shows it below the menu of every page."""
_HEADERS = {
    # What a page of a later version would load from elsewhere is not loaded.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "worker-src 'self' blob:; connect-src 'self'; frame-ancestors 'none'"
}

router = APIRouter(include_in_schema=False)


def add_doc_pages(app: FastAPI) -> None:
    """Serve the pages on `app`, the one at `/`."""
    app.include_router(router)
    app.mount(STATIC, StaticFiles(directory=_FILES), name="static")


def add_doc_redirects(app: FastAPI) -> None:
    """Lead from where an app below `/api` had pages of its own to those of the whole server."""
    for path in (DOCS, REDOC, DOCUMENT):
        app.add_api_route(path, _lead_to(path), include_in_schema=False)


def _lead_to(path: str) -> Callable[[], Awaitable[Response]]:
    async def lead() -> Response:
        return RedirectResponse(path, 307)

    return lead


@router.head("/")
@router.get("/")
async def root() -> Response:
    """A browser that was given the server's bare address finds the reference."""
    return RedirectResponse(DOCS, 307)


@router.get(DOCUMENT)
async def document(request: Request, services: ServicesDep) -> Response:
    state = request.app.state
    if not hasattr(state, "document"):
        # It takes part of a second, in which nobody's poll should wait.
        state.document = await asyncio.to_thread(_encoded, services.settings)
    return Response(state.document, media_type="application/json")


def _encoded(settings: Settings) -> bytes:
    return msgspec.json.encode(build_document(settings))


@router.get(DOCS)
async def docs() -> Response:
    page = get_swagger_ui_html(
        openapi_url=DOCUMENT,
        title="Reelyard",
        swagger_js_url=f"{STATIC}/swagger-ui-bundle.js",
        swagger_css_url=f"{STATIC}/swagger-ui.css",
        swagger_favicon_url=f"{STATIC}/favicon.png",
        # Else it asks a validator on the internet about the document.
        swagger_ui_parameters={"validatorUrl": None},
    )
    return _page(page)


@router.get(REDOC)
async def redoc() -> Response:
    page = get_redoc_html(
        openapi_url=DOCUMENT,
        title="Reelyard",
        redoc_js_url=_REDOC_JS,
        redoc_favicon_url=f"{STATIC}/favicon.png",
        with_google_fonts=False,
    )
    return _page(page)


def _page(page: HTMLResponse) -> Response:
    page.headers.update(_HEADERS)
    return page


@router.get(_REDOC_JS)
async def redoc_js() -> Response:
    return Response(_redoc_without_logo(), media_type="text/javascript")


@cache
def _redoc_without_logo() -> bytes:
    return (_FILES / "redoc.standalone.js").read_bytes().replace(_LOGO, b"data:,")
