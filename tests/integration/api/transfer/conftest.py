"""The transfer routes on two stores, and on a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import uvicorn

from reelyard.api.http.services import Services
from reelyard.cluster.storage import open_url

from .transfer_app import app_on, client_on, services_on
from .tus_calls import DATA


@pytest.fixture(params=["file", "s3"])
async def services(request: pytest.FixtureRequest, tmp_path: Path) -> Services:
    if request.param == "s3":
        return services_on(request.getfixturevalue("s3_storage"), max_upload_bytes=len(DATA))
    return services_on(open_url(tmp_path.as_uri()), max_upload_bytes=len(DATA))


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_on(services) as found:
        yield found


@pytest.fixture
async def port(services: Services) -> AsyncIterator[int]:
    """A real server on loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app_on(services), log_config=None, lifespan="off", timeout_graceful_shutdown=5
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield int(listener.getsockname()[1])
        server.should_exit = True
        await serving
