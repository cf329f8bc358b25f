"""The port by which Serve's proxy and controller reach a replica, bound to its node's address.

Serve 2.60 binds it to every address of the machine. Calls without the cluster's token are refused
there, but what they bring is Python's pickles: nobody from elsewhere should get that far.
"""

from __future__ import annotations

from typing import Any

import ray
from ray.serve._private import replica

_bind: Any = replica.add_port_to_grpc_server
_EVERYWHERE = "[::]"


def bind_to_node() -> None:
    """What a replica calls before Serve opens its port."""
    replica.add_port_to_grpc_server = _at_node


def _at_node(server: Any, address: str) -> int:
    host = ray.util.get_node_ip_address()
    if ":" in host:
        host = f"[{host}]"
    port: int = _bind(server, address.replace(_EVERYWHERE, host, 1))
    return port
