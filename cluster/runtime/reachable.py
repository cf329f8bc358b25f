"""Whether anything listens at the address of a Ray cluster, found out in seconds.

`ray.init` of Ray 2.60 itself tries for more than a minute, and prints its own lines meanwhile.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, suppress

LONGEST_S = 3.0


def is_reachable(address: str) -> bool:
    """Whether `host:port` takes connections; True for an address of another form."""
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        return True
    return any(_listens(name, int(port)) for name in _names(host.strip("[]")))


def _names(host: str) -> Iterator[str]:
    yield host
    if host in ("127.0.0.1", "localhost", "::1"):
        # Ray takes it for this machine's other address, where its head may be bound alone.
        with suppress(OSError), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            yield probe.getsockname()[0]


def _listens(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=LONGEST_S):
        return True
    return False
