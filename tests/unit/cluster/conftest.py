"""A web site of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import stamina

from reelyard.cluster.settings import Settings
from tests.unit.cluster.fetching.loopback import Loopback, loopback


@pytest.fixture
def no_waits() -> Iterator[None]:
    """As many tries as ever, without the pauses."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture
async def site() -> AsyncIterator[Loopback]:
    async with loopback() as found:
        yield found


@pytest.fixture
def make_settings(site: Loopback) -> Callable[..., Settings]:
    def make(*hosts: str, **changes: Any) -> Settings:
        allowed = [f"{host}:{site.port}" for host in hosts or ("media.test",)]
        return Settings(fetch_allow_hosts=allowed, **changes)

    return make
