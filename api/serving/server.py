"""The HTTP server on a running cluster: started, found and stopped."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from reelyard.actors.jobs.ids import new_id
from reelyard.api.serving.bind import check_bind
from reelyard.api.serving.readiness import wait_until_ready
from reelyard.api.serving.replicas import FIRST_API_REPLICAS, api_replicas
from reelyard.api.serving.waiting_room import WaitingRoom, check_free
from reelyard.cluster.errors import StartFailed
from reelyard.cluster.fetching.address_checks import is_loopback
from reelyard.cluster.runtime.ray_env import free_ports
from reelyard.cluster.runtime.startup_patience import Patience, plain_failure
from reelyard.cluster.settings import Settings

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
"""Time in which nothing moves: on a cluster that first has to grow, it is minutes."""
TRIES = 3
STOP_S = 60.0
LOOK_S = 0.1


def start_http(settings: Settings, room: WaitingRoom | None = None) -> str:
    """Serve both apps on the cluster that this process is connected to; the URL they answer at.

    Where the cluster has a Serve of its own, its address counts. `room` holds the address until
    the server has it. Raises `BadRequest` if the address can't be bound, or would serve strangers
    without a key; `StartFailed` if it does not start.
    """
    with plain_failure("the HTTP server"):
        return _start_http(settings, room)


def _start_http(settings: Settings, room: WaitingRoom | None) -> str:
    import ray
    from ray.serve.config import HTTPOptions

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    running = _serve_address()
    host, port = running or (settings.host, settings.port or free_ports(1)[0])
    settings = settings.model_copy(update={"host": host, "port": port})
    if not is_loopback(host):
        check_bind(settings, keys_are_needed=_keys_are_needed(settings))
    if running is None:
        if room is None:
            check_free(host, port)
        _begin_serve(HTTPOptions(host=host, port=port))
    version = new_id()
    first = _targets(settings, version, FIRST_API_REPLICAS)
    _deploy(first)
    _wait_until_running(first, with_proxies=running is None)
    if room is not None:
        room.close()
    wait_until_ready(settings, port)
    wanted = api_replicas(settings, ray.cluster_resources().get("memory", 0.0))
    if wanted > FIRST_API_REPLICAS:
        _deploy(_targets(settings, version, wanted))
    return _url(host, port)


def _targets(settings: Settings, version: str, replicas: int) -> list[Any]:
    """Both apps, with so many replicas of the job API. With one `version`, more of them are no
    other deployment: those that run stay."""
    from ray import serve
    from ray.serve.schema import LoggingConfig

    from reelyard.api.serving import deployments

    plain = settings.portable().model_dump(mode="json")
    options = _COMMON | {
        "logging_config": LoggingConfig(enable_access_log=False),
        "version": version,
        # Serve 2.60 takes a version from nobody else.
        "_internal": True,
    }
    api = deployments.api.options(
        **options, num_replicas=replicas, max_ongoing_requests=_MOST_POLLS
    )
    transfer = deployments.transfer.options(
        **options,
        num_replicas=settings.transfer_replicas,
        max_ongoing_requests=_MOST_TRANSFERS,
    )
    return [
        serve.RunTarget(api.bind(plain), name=APPS[0], route_prefix="/"),
        serve.RunTarget(transfer.bind(plain), name=APPS[1], route_prefix="/api"),
    ]


def _deploy(targets: list[Any]) -> None:
    from ray import serve
    from ray.exceptions import RayActorError

    # Once both are on their way, Serve waits 60 s for its proxies: we wait for them ourselves.
    with suppress(TimeoutError, RayActorError):
        serve.run_many(
            targets,
            # It would look once a second.
            wait_for_ingress_deployment_creation=False,
            wait_for_applications_running=False,
        )


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


def _begin_serve(options: Any) -> None:
    """Start Serve, without a wait for its proxies.

    `serve.start` of Ray 2.60 itself waits for them before anything can be deployed. Their
    processes take seconds to start, and those of the apps as long: here they start together. And
    it waits for the first ones, which Serve may have given up for others.
    """
    from ray.serve._private import api
    from ray.serve.config import ControllerOptions

    api._create_controller_and_proxy_refs(  # noqa: SLF001  see above
        options, None, None, None, ControllerOptions()
    )


def _wait_until_running(targets: list[Any], *, with_proxies: bool) -> None:
    """Wait until both apps run, and every proxy where this has started them, as long as something
    moves. What Serve gives up is deployed again, a few times. Raises `StartFailed`."""
    patience = Patience("the HTTP server", START_S)
    tries = TRIES
    while True:
        seen = _look()
        if seen.apps_run and (seen.proxies_run or not with_proxies):
            return
        if seen.failed:
            tries -= 1
            if not tries:
                raise StartFailed(f"the HTTP server could not be started: {seen.failed}")
            _deploy(targets)
        patience.note(seen)
        time.sleep(LOOK_S)


@dataclass(frozen=True)
class _Seen:
    """How far Serve is; two that differ are progress."""

    apps_run: bool = False
    proxies_run: bool = False
    failed: str = ""
    """Why Serve has given an app up."""
    states: tuple[str, ...] = ()


def _look() -> _Seen:
    from ray import serve
    from ray.exceptions import RayError
    from ray.serve.schema import ApplicationStatus, ProxyStatus

    try:
        status = serve.status()
    except (RayError, TimeoutError):
        # Its controller is too busy to answer.
        return _Seen()
    apps = [status.applications[name] for name in APPS if name in status.applications]
    failed = [app.message for app in apps if app.status == ApplicationStatus.DEPLOY_FAILED]
    proxies = list(status.proxies.values())
    return _Seen(
        apps_run=[app.status for app in apps] == [ApplicationStatus.RUNNING] * len(APPS),
        # One that drains belongs to a node that leaves.
        proxies_run=ProxyStatus.HEALTHY in proxies and ProxyStatus.STARTING not in proxies,
        failed=failed[0].strip().rpartition("\n")[2] if failed else "",
        states=tuple(str(one) for one in (*proxies, *apps)),
    )


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
    from reelyard.api.registry_client.client import RegistryClient

    return asyncio.run(RegistryClient.over_ray(settings).accounts.keys.are_needed())


def _url(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104  the name of "everywhere", not a bind
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
