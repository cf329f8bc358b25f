"""Downloading from the test site."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reelyard.cluster.fetching.fetch import Fetched, Network, download
from reelyard.cluster.settings import Settings
from tests.unit.cluster.fetching.loopback import Loopback


async def to_loopback(host: str, port: int) -> list[str]:
    """A resolver that knows this machine only."""
    return ["127.0.0.1"]


LOCAL = Network(resolver=to_loopback)
MakeSettings = Callable[..., Settings]


async def fetch(site: Loopback, settings: Settings, tmp_path: Path, path: str = "/a") -> Fetched:
    url = f"http://media.test:{site.port}{path}"
    return await download(url, tmp_path / "in", settings, network=LOCAL)


def left(tmp_path: Path) -> list[Path]:
    return list(tmp_path.iterdir())
