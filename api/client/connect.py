"""A client straight to the registry over Ray: of the cluster there is, or of one of its own."""

from __future__ import annotations

from reelyard.actors.engine import start_engine
from reelyard.api.client.async_client import AsyncClient
from reelyard.api.client.ray_transport import RayTransport
from reelyard.api.client.sync_client import Client
from reelyard.cluster.errors import Conflict
from reelyard.cluster.runtime.ray_cluster import (
    Cluster,
    find_cluster,
    join,
    start_embedded,
    wait_for_cluster,
)
from reelyard.cluster.settings import Settings


def connect(address: str | None = None, *, settings: Settings | None = None) -> Client:
    """A client on the Ray cluster at `address` (default: `REELYARD_RAY_ADDRESS`).

    With neither, the cluster that runs on this machine is used, or else one is started inside
    this program; `close()` (or leaving the `with` block) stops it again.
    """
    cluster = open_cluster(_with_address(settings, address))
    return Client(transport=lambda: RayTransport.open(cluster.settings, cluster))


async def connect_async(
    address: str | None = None, *, settings: Settings | None = None
) -> AsyncClient:
    """`connect` for asyncio programs; where it has to start a cluster, it blocks for seconds."""
    # Not in a thread: Ray's processes end with the thread that started them.
    cluster = open_cluster(_with_address(settings, address))
    return AsyncClient(transport=await RayTransport.open(cluster.settings, cluster))


def _with_address(settings: Settings | None, address: str | None) -> Settings:
    wanted = settings or Settings()
    return wanted.model_copy(update={"ray_address": address}) if address else wanted


def open_cluster(settings: Settings) -> Cluster:
    """Join the cluster that `settings` name or that runs here, else start one."""
    if settings.ray_address is not None or find_cluster(settings) is not None:
        return join(settings)
    try:
        cluster = start_embedded(settings)
    except Conflict:
        # Another program was quicker: its cluster is there in a moment.
        if wait_for_cluster(settings) is None:
            raise
        return join(settings)
    try:
        start_engine(settings)
    except BaseException:
        cluster.stop()
        raise
    return cluster
