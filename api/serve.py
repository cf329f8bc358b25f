"""Start and stop the HTTP server on a running cluster."""

from __future__ import annotations

import errno
import http.client
import logging
import os
import socket
import time
from typing import Any

from api.auth import check_bind
from cluster.errors import BadRequest, Unavailable
from cluster.ray_env import free_ports
from cluster.settings import Settings

APPS = ("api", "transfer")

_COMMON: dict[str, Any] = {
    # Requests wait for the registry, not for a core: the cores belong to the codecs.
    "ray_actor_options": {"num_cpus": 0},
    "health_check_period_s": 5,
    "graceful_shutdown_timeout_s": 3,
    "graceful_shutdown_wait_loop_s": 0.1,
    "max_queued_requests": 1000,
}
_MOST_POLLS = 4000
"""Requests in one Api replica at a time: long polls and event streams sit there for minutes."""
_MOST_TRANSFERS = 64
STEADY_S = 1.0
STEADY_WITHIN_S = 60.0


def start_http(settings: Settings) -> str:
    """Serve both apps on the cluster that this process is connected to; the URL they answer at.

    Raises `BadRequest` if the address can't be bound, or would serve strangers without a key.
    """
    check_bind(settings, has_keys=_has_keys(settings))
    port = settings.port or free_ports(1)[0]
    _check_free(settings.host, port)
    from ray import serve
    from ray.serve.config import HTTPOptions
    from ray.serve.schema import LoggingConfig

    from api import deployments

    plain = settings.portable().model_dump(mode="json")
    options = _COMMON | {"logging_config": LoggingConfig(enable_access_log=False)}
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    serve.start(http_options=HTTPOptions(host=settings.host, port=port))
    api = deployments.api.options(
        **options, num_replicas=settings.api_replicas, max_ongoing_requests=_MOST_POLLS
    )
    transfer = deployments.transfer.options(
        **options, num_replicas=settings.transfer_replicas, max_ongoing_requests=_MOST_TRANSFERS
    )
    serve.run_many(
        [
            serve.RunTarget(api.bind(plain), name=APPS[0], route_prefix="/"),
            serve.RunTarget(transfer.bind(plain), name=APPS[1], route_prefix="/api"),
        ]
    )
    _wait_until_steady(settings.host, port)
    return f"http://{_url_host(settings.host)}:{port}"


def _wait_until_steady(host: str, port: int) -> None:
    """Wait until both apps answer and the proxy keeps connections open.

    Ray Serve 2.60 reloads HAProxy for a moment after the apps are there: it ends connections in
    mid-request, and a client could not tell whether its POST was taken.
    """
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared only
    end = time.monotonic() + STEADY_WITHIN_S
    while time.monotonic() < end:
        if _answers_for(reachable, port, STEADY_S):
            return
        time.sleep(0.05)
    raise Unavailable(f"the HTTP server at {host}:{port} did not become steady")


def _answers_for(host: str, port: int, seconds: float) -> bool:
    """Whether one connection gets answers from both apps for so long."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
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


def stop_http() -> None:
    """Stop both apps; requests under way get some seconds to finish.

    Serve's controller and proxy stay until Ray ends: `serve.shutdown` of Ray 2.60 prints an error
    of its own making to the terminal.
    """
    from ray import serve

    for name in APPS:
        serve.delete(name)


def _has_keys(settings: Settings) -> bool:
    import ray

    from actors.registry import get_registry

    return bool(ray.get(get_registry(settings).api_keys.remote()))


def _check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise BadRequest(f"port: {port} is in use on {host}; choose another") from None
            why = os.strerror(error.errno) if error.errno else str(error)
            raise BadRequest(f"host: {host}:{port} can't be bound: {why}") from None


def _url_host(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104  the name of "everywhere", not a bind
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
