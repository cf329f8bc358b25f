"""Stores for the tests of this folder."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.object_stores import s3_server, s3_storage, storage

__all__ = ["s3_server", "s3_storage", "storage"]


@pytest.fixture
def unused_tcp_port_url() -> Iterator[str]:
    """A loopback URL at which nobody listens: the port is bound, but not listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
