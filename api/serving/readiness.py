"""The wait for a server that has just started: after it, no client's connection is cut."""

from __future__ import annotations

import http.client
import os
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from reelyard.api.serving.replicas import FIRST_API_REPLICAS
from reelyard.cluster.errors import StartFailed
from reelyard.cluster.settings import Settings

STEADY_S, SETTLED_S = 1.0, 0.2
STEADY_WITHIN_S = 600.0


def wait_until_ready(settings: Settings, port: int) -> None:
    """Wait until both apps answer and the proxy keeps connections open.

    Ray Serve 2.60 reloads HAProxy for a moment after the apps are there: it ends connections in
    mid-request, and a client could not tell whether its POST was taken. It has no further cause
    once one HAProxy is left and knows all replicas; where we can't ask it, a second without a
    reload must do. Raises `StartFailed` if it takes too long.
    """
    host = settings.host
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared only
    end = time.monotonic() + STEADY_WITHIN_S
    while time.monotonic() < end:
        seconds = SETTLED_S if _is_settled(settings) else STEADY_S
        if _answers_for(reachable, port, seconds):
            return
        time.sleep(0.05)
    raise StartFailed(f"the HTTP server at {host}:{port} did not become steady")


def _is_settled(settings: Settings) -> bool:
    """Whether the HAProxy of this node is alone, and knows every replica and its fallback."""
    import ray

    base = os.environ.get("RAY_SERVE_HAPROXY_SOCKET_PATH")
    if base is None:
        return False
    # Serve puts the node's id before the name.
    path, node = Path(base), ray.get_runtime_context().get_node_id()
    if _haproxies(node) != 1:
        return False
    table = ask_haproxy(path.parent / node / path.name)
    return knows_all(
        table, {"http-api": FIRST_API_REPLICAS, "http-transfer": settings.transfer_replicas}
    )


def knows_all(table: Mapping[str, Sequence[str]], replicas: Mapping[str, int]) -> bool:
    """Whether `table` has for each backend so many replicas, and the fallback."""
    for backend, wanted in replicas.items():
        servers = table.get(backend, ())
        if sum(server.startswith("SERVE_REPLICA") for server in servers) != wanted:
            return False
        if not any("-fallback-" in server for server in servers):
            return False
    return True


def _haproxies(node_id: str) -> int:
    found = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            found += process.name() == "haproxy" and node_id in " ".join(process.cmdline())
    return found


def ask_haproxy(path: Path) -> dict[str, list[str]]:
    """The servers of each backend, as the HAProxy at that control socket knows them.

    Empty if none answers there.
    """
    found: dict[str, list[str]] = {}
    try:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(1.0)
            control.connect(str(path))
            control.sendall(b"show stat -1 4 -1\n")
            with control.makefile("r") as lines:
                for line in lines:
                    backend, _, rest = line.partition(",")
                    found.setdefault(backend, []).append(rest.partition(",")[0])
    except OSError:
        return {}
    return found


def _answers_for(host: str, port: int, seconds: float) -> bool:
    """Whether one connection gets answers from both apps for so long."""
    connection = http.client.HTTPConnection(host, port, timeout=60)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            for path in ("/livez", "/api/health"):
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                # Without auto-open a connection that was closed would be opened again unnoticed.
                connection.auto_open = 0
                if answer.status >= 500:
                    return False
            time.sleep(0.05)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
