"""A server with keys, and the clients that reach it in both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from reelyard import AsyncClient, Client, Settings, connect, connect_async
from reelyard.actors.media import catalogue
from tests.integration.api.client.four_clients import FourClients
from tests.live_server import LiveServer, live_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of this module's own, with keys: none of its calls disturbs another test."""
    with live_server(tmp_path_factory.mktemp("agree") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def admin_key(server: LiveServer) -> str:
    made = server.cli("keys", "create", "first", "--admin")
    return str(made["key"])


@pytest.fixture(scope="module")
def built_in_operations() -> Iterator[None]:
    """The catalogue as the server has it: earlier tests have put theirs into this process."""
    kept = dict(catalogue._catalogue)
    for name, operation in kept.items():
        if not operation.run.__module__.startswith("reelyard.actors.media.operations."):
            del catalogue._catalogue[name]
    yield
    catalogue._catalogue.update(kept)


@pytest.fixture(scope="module")
async def clients(
    server: LiveServer,
    admin_key: str,
    built_in_operations: None,
) -> AsyncIterator[FourClients]:
    url, settings = server.url, Settings(data_dir=server.data_dir)
    async with await connect_async(settings=settings) as ray, AsyncClient(url, admin_key) as http:
        with connect(settings=settings) as blocking_ray, Client(url, admin_key) as blocking_http:
            yield FourClients(blocking_ray, blocking_http, ray, http)


@pytest.fixture(scope="module")
def clip(clips: Path) -> str:
    """A video as text: as a `Path` it would be uploaded over HTTP."""
    return str(clips / "clip.mp4")


@pytest.fixture
def operate(server: LiveServer, admin_key: str) -> Iterator[httpx2.Client]:
    """Plain HTTP, for what the client has no method for."""
    headers = {"Authorization": f"Bearer {admin_key}"}
    with httpx2.Client(base_url=server.url, headers=headers, timeout=30) as http:
        yield http
