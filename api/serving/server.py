"""The HTTP server on a running cluster: started, found and stopped."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import time
from typing import Any

from api.serving.bind import check_bind
from api.serving.readiness import wait_until_ready
from cluster.address_checks import is_loopback
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
_MOST_TRANSFERS = 256
"""Each may hold some MiB, and is as slow as its client."""
START_S = 600.0
"""On a cluster that first has to grow, it takes minutes."""
STOP_S = 60.0
LOOK_S = 0.1


def start_http(settings: Settings) -> str:
    """Serve both apps on the cluster that this process is connected to; the URL they answer at.

    Where the cluster has a Serve of its own, its address counts. Raises `BadRequest` if the address
    can't be bound, or would serve strangers without a key.
    """
    import ray
    from ray import serve
    from ray.serve.config import HTTPOptions
    from ray.serve.schema import LoggingConfig

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    running = _serve_address()
    host, port = running or (settings.host, settings.port or free_ports(1)[0])
    settings = settings.model_copy(update={"host": host, "port": port})
    if not is_loopback(host):
        check_bind(settings, keys_are_needed=_keys_are_needed(settings))
    proxies: list[Any] = []
    if running is None:
        _check_free(host, port)
        proxies = _begin_serve(HTTPOptions(host=host, port=port))
    from api.serving import deployments

    plain = settings.portable().model_dump(mode="json")
    options = _COMMON | {"logging_config": LoggingConfig(enable_access_log=False)}
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
        ],
        # It would look once a second.
        wait_for_ingress_deployment_creation=False,
        wait_for_applications_running=False,
    )
    ray.get(proxies, timeout=START_S)
    _wait_until_running()
    wait_until_ready(settings, port)
    return _url(host, port)


def http_url() -> str | None:
    """Where Reelyard answers on the connected cluster already; None: it does not."""
    from ray import serve

    if (address := _serve_address()) is None or not serve.status().applications.keys() & APPS:
        return None
    return _url(*address)


def _serve_address() -> tuple[str, int] | None:
    from ray.serve import context

    client = context._get_global_client(raise_if_no_controller_running=False)  # noqa: SLF001
    return None if client is None else (client.http_config.host, client.http_config.port)


def _begin_serve(options: Any) -> list[Any]:
    """Start Serve; what to wait for until its proxies are ready.

    `serve.start` of Ray 2.60 itself waits for them before anything can be deployed. Their
    processes take seconds to start, and those of the apps as long: here they start together.
    """
    from ray.serve._private import api
    from ray.serve.config import ControllerOptions

    begin = api._create_controller_and_proxy_refs  # noqa: SLF001  see above
    _, proxies = begin(options, None, None, None, ControllerOptions())
    ready: list[Any] = proxies
    return ready


def _wait_until_running() -> None:
    """Wait until both apps run. Raises `Unavailable` if Serve gives one up."""
    from ray import serve
    from ray.serve.schema import ApplicationStatus

    end = time.monotonic() + START_S
    while time.monotonic() < end:
        apps = serve.status().applications
        found = [apps[name] for name in APPS if name in apps]
        for app in found:
            if app.status == ApplicationStatus.DEPLOY_FAILED:
                raise Unavailable(f"the HTTP server could not be started: {app.message}")
        if [app.status for app in found] == [ApplicationStatus.RUNNING] * len(APPS):
            return
        time.sleep(LOOK_S)
    raise Unavailable(f"the HTTP server did not start within {START_S:g} s")


def stop_http() -> None:
    """Stop both apps; requests under way get some seconds to finish.

    Serve's controller and proxy stay until Ray ends: `serve.shutdown` of Ray 2.60 prints an error
    of its own making to the terminal.
    """
    from ray import serve

    for name in APPS:
        serve.delete(name, _blocking=False)
    end = time.monotonic() + STOP_S
    while serve.status().applications.keys() & APPS and time.monotonic() < end:
        time.sleep(LOOK_S)


def _keys_are_needed(settings: Settings) -> bool:
    from api.registry_client.client import RegistryClient

    return asyncio.run(RegistryClient.over_ray(settings).keys.are_needed())


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


def _url(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104  the name of "everywhere", not a bind
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
