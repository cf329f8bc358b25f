"""A real HTTP server with the durable registry, as `reelyard up` starts it, but without workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from reelyard.cluster.settings import Settings


@contextmanager
def http_server(settings: Settings) -> Iterator[int]:
    """Its port, on 127.0.0.1."""
    from reelyard.cluster.runtime.ray_cluster import start_embedded

    with start_embedded(settings):
        from reelyard.actors.registry import start_registry
        from reelyard.api.serving.server import start_http, stop_http

        start_registry(settings)
        url = start_http(settings)
        try:
            yield int(url.rpartition(":")[2])
        finally:
            stop_http()
