"""The transfer routes as an app of their own, without a registry behind them."""

from __future__ import annotations

from typing import Any, cast

import httpx2
from fastapi import FastAPI, Request

from reelyard.api import transfer
from reelyard.api.http.auth import identify_caller
from reelyard.api.http.caller import Caller
from reelyard.api.http.errors import install_error_handlers
from reelyard.api.http.services import Services
from reelyard.api.http.signing import Signer
from reelyard.api.registry_client.client import RegistryClient
from reelyard.api.v1.errors import v1_error_response
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage

BASE = "http://server.test"


def services_on(storage: Storage, **changes: Any) -> Services:
    return Services(
        settings=Settings(**({"allowed_hosts": ["server.test"]} | changes)),
        registry=cast("RegistryClient", None),
        storage=storage,
        signer=Signer("a secret of enough characters"),
    )


def app_on(services: Services) -> FastAPI:
    """Mounted at `/api`; header `x-tenant` says who asks."""
    below = FastAPI()
    below.include_router(transfer.router)
    below.state.services = services
    below.state.error_shape = lambda path: v1_error_response
    install_error_handlers(below)

    async def tenant(request: Request) -> Caller:
        return Caller(request.headers.get("x-tenant", "t"), "key", admin=False)

    below.dependency_overrides[identify_caller] = tenant
    main = FastAPI()
    main.mount("/api", below)
    return main


def client_on(services: Services) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app_on(services)), base_url=BASE, timeout=30
    )
