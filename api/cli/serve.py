"""`reelyard up`, `down` and `status`: the server, never open to strangers without a key."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Never

import typer

from reelyard.api.cli.output import Exit, command, console, errors, health_text, print_json
from reelyard.api.client.terminal_text import escape
from reelyard.api.serving.bind import check_bind
from reelyard.api.serving.not_ready import edge
from reelyard.api.serving.waiting_room import WaitingRoom
from reelyard.cluster.errors import BadRequest, Conflict, Unavailable
from reelyard.cluster.folders.free_space import free_of
from reelyard.cluster.folders.run_folder import prometheus_targets
from reelyard.cluster.runtime.cluster_file import commands_file, token_file
from reelyard.cluster.runtime.ray_cluster import (
    Cluster,
    check_places,
    find_cluster,
    join,
    start_embedded,
)
from reelyard.cluster.settings import Settings
from reelyard.cluster.url_secrets import hide_url_secrets

if TYPE_CHECKING:
    from reelyard.api.client.sync_client import Client

DOWN_S = 120.0
"""Time to finish what is nearly done; whoever is not down then is killed."""
LOOK_S = 1.0
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


@command
def up(
    host: Annotated[str | None, typer.Option(help="address to bind; default 127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="port; default 8000; 0: a free one")] = None,
    dashboard: Annotated[
        bool | None, typer.Option(help="with Ray's dashboard; default: with it", show_default=False)
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="on a Ray cluster: deploy there and return")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Serve: start a cluster on this machine (or use REELYARD_RAY_ADDRESS) with the HTTP API."""
    given = {"host": host, "port": port, "dashboard": dashboard}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    settings = Settings(**chosen)
    if settings.ray_address is None:
        _check_data(settings)
    _check_settings(settings)
    check_bind(settings, keys_are_needed=_keys_are_needed(settings))
    if not as_json:
        # On a busy machine it takes a minute or two.
        console.print("starting")
    with _waiting_room(settings) as room, _open(settings) as cluster:
        stop = _stop_on_signals()
        _refuse_a_second(cluster)
        _serve(settings, cluster, room, as_json=as_json)
        if detach and not cluster.owned:
            return Exit.OK
        while not stop.wait(LOOK_S):
            if (lost := cluster.lost_process()) is not None:
                _give_up(cluster, lost)
        if not as_json:
            console.print("stopping")
        _shut_down(settings, cluster)
    return Exit.OK


def _give_up(cluster: Cluster, lost: str) -> Never:
    """End without a part of Ray that nothing can replace; whoever supervises this process starts
    it again. Jobs stay, and run from the next start on."""
    errors.print(
        f"[red]error[/red] (cluster_lost): Ray's {lost} died, and with it the cluster; "
        "start it again with `reelyard up`: accepted jobs are in the store and go on"
    )
    cluster.abandon()
    # What Ray does at the end of a process waits for the one that died.
    os._exit(Exit.FAILED)


def _check_data(settings: Settings) -> None:
    if (running := find_cluster(settings)) is not None:
        where = running.url or running.ray_address
        raise Conflict(f"a cluster runs already at {where} (process {running.pid})")
    check_places(settings)


def _check_settings(settings: Settings) -> None:
    """See to what would otherwise show in the log of some process, a minute later. Raises
    `BadRequest`, `Unavailable`."""
    if settings.operations:
        from reelyard.actors.media.catalogue import load_operations

        load_operations(settings.operations)
    if settings.storage_url is not None:
        from reelyard.cluster.storage import open_storage

        open_storage(settings)
    for name, pool in settings.all_pools.items():
        if pool.max_workers < pool.min_workers:
            raise BadRequest(
                f"pools: {name}: max_workers {pool.max_workers} is less than min_workers "
                f"{pool.min_workers}"
            )
    if settings.ray_address is None:
        for place in (settings.scratch, settings.logs):
            free_of(place)


def _keys_are_needed(settings: Settings) -> bool:
    # Asked of the store itself: a refusal should not take the start of a whole cluster.
    from reelyard.actors.registry import stored_keys_are_needed

    return asyncio.run(stored_keys_are_needed(settings))


def _refuse_a_second(cluster: Cluster) -> None:
    if cluster.owned:
        return
    from reelyard.api.serving.server import http_url

    if (url := http_url()) is not None:
        raise Conflict(
            f"Reelyard runs already on the Ray cluster at {cluster.address}, at {url}; "
            "`reelyard down` takes it down"
        )


def _open(settings: Settings) -> Cluster:
    if settings.ray_address is not None:
        return join(settings)
    return start_embedded(settings, edge())


@contextmanager
def _waiting_room(settings: Settings) -> Iterator[WaitingRoom | None]:
    """Whoever calls while an embedded cluster starts is told to come again; a port that nobody
    knows yet has no callers. Raises `BadRequest` if the address can't be bound."""
    if settings.ray_address is not None or not settings.port:
        yield None
        return
    with WaitingRoom(settings.host, settings.port) as room:
        yield room


def _serve(
    settings: Settings, cluster: Cluster, room: WaitingRoom | None, *, as_json: bool
) -> None:
    """Start everything, and tell of it. The dashboard comes last: no job has to wait for it."""
    url = _start(settings, cluster, room)
    facts = _place_facts(settings, url) | _ray_facts(settings, cluster.address)
    if not as_json:
        console.print(f"[bold green]Reelyard is up[/] at [bold]{url}[/]")
        _print_facts(facts)
    if cluster.owned and settings.dashboard:
        cluster.start_dashboard()
        cluster.announce(url)
    later = _dashboard_facts(settings, cluster.dashboard_url)
    if as_json:
        print_json({"url": url} | facts | later)
        return
    _print_facts(later or {"dashboard": "off"})
    if cluster.owned:
        console.print("Ctrl-C stops it.")


def _start(settings: Settings, cluster: Cluster, room: WaitingRoom | None) -> str:
    from reelyard.actors.engine import launch_engine, wait_for_engine
    from reelyard.api.serving.server import start_http

    # Both at once: most of the time goes into starting processes.
    engine = launch_engine(settings)
    url = start_http(settings, room)
    wait_for_engine(engine)
    cluster.announce(url)
    return url


def _place_facts(settings: Settings, url: str | None) -> dict[str, str]:
    """Where the reference is, and where jobs and files are kept."""
    docs = {"docs": f"{url}/docs"} if url else {}
    return docs | {"store": hide_url_secrets(settings.store), "storage": settings.storage}


def _ray_facts(settings: Settings, address: str) -> dict[str, str]:
    """Where Ray is, how its own commands reach it, and where the logs are."""
    embedded = settings.ray_address is None
    commands = {"ray_env": str(commands_file(settings))} if embedded else {}
    own_logs = embedded or settings.log_dir is not None
    logs = str(settings.logs) if own_logs else "reelyard, in each node's folder of Ray's logs"
    return {"ray_address": address} | commands | {"logs": logs}


def _dashboard_facts(settings: Settings, url: str | None) -> dict[str, str]:
    if url is None:
        return {}
    facts = {"dashboard": url}
    if settings.ray_address is None:
        facts["token_file"] = str(token_file(settings))
        facts["prometheus"] = str(prometheus_targets(settings.data))
    return facts


def _shut_down(settings: Settings, cluster: Cluster) -> None:
    """Finish what is nearly done, and give the rest back to the queue for the next start."""
    if cluster.owned:
        from reelyard.actors.engine import stop_engine
        from reelyard.api.serving.server import stop_http

        stop_http()
        stop_engine(settings)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


_HINTS = {
    "ray_env": "source it, then Ray's own commands work: ray status",
    "logs": "reelyard logs",
    "token_file": "asked for by the dashboard",
}


def _print_facts(facts: dict[str, str]) -> None:
    for name, value in facts.items():
        hint = f"  ({_HINTS[name]})" if name in _HINTS else ""
        console.print(f"  {name:<12}{escape(value)}{hint}")


@command
def down(as_json: AsJson = False) -> int:
    """Take down what `reelyard up` has started, here or at REELYARD_RAY_ADDRESS. Jobs stay."""
    settings = Settings()
    if settings.ray_address is None:
        _end_server(settings)
    else:
        _undeploy(settings)
    if as_json:
        print_json({"up": False})
    else:
        console.print("Reelyard is down; its jobs stay in the store")
    return Exit.OK


def _end_server(settings: Settings) -> None:
    found = find_cluster(settings)
    if found is None:
        raise Unavailable("no cluster runs here")
    if found.url is None:
        raise Conflict(f"process {found.pid} has started its cluster for itself; end that process")
    os.kill(found.pid, signal.SIGTERM)
    end = time.monotonic() + DOWN_S
    while found.alive:
        if time.monotonic() > end:
            # Its own children, and what they have started, end with it.
            errors.print(f"process {found.pid} did not end within {DOWN_S:g} s, and was killed")
            os.kill(found.pid, signal.SIGKILL)
            end += DOWN_S
        time.sleep(0.1)


def _undeploy(settings: Settings) -> None:
    from reelyard.actors.engine import remove_engine
    from reelyard.api.serving.server import http_url, stop_http

    with join(settings):
        if http_url() is not None:
            stop_http()
        remove_engine(settings)


def _overview(client: Client) -> dict[str, Any]:
    """The overview; where a server is there and its registry does not answer, the health alone."""
    try:
        return client.overview()
    except Unavailable as error:
        parts = {"registry": {"ok": False, "reason": error.message}}
        return {"health": {"status": "unavailable", "parts": parts}}


@command
def status(as_json: AsJson = False) -> int:
    """Whether a cluster runs here, where, and what it does; exit code 4 if none does."""
    from reelyard.api.cli.session import URL_VARIABLE, find_running
    from reelyard.api.client.progress_bars import clock

    settings = Settings()
    found = find_running(settings)
    if found is None:
        logs = {"logs": str(settings.logs)} if settings.logs.is_dir() else {}
        if as_json:
            print_json({"up": False, **logs})
        else:
            console.print("no cluster runs here; start one with `reelyard up`")
            _print_facts(logs)
        return Exit.UNREACHABLE
    with found as client:
        overview = _overview(client)
    remote = os.environ.get(URL_VARIABLE)
    here = None if remote else find_cluster(settings)
    url = here.url if here else remote
    address = here.ray_address if here else settings.ray_address
    facts = {"docs": f"{url}/docs"} if remote else _place_facts(settings, url)
    facts |= {} if remote or address is None else _ray_facts(settings, address)
    facts |= _dashboard_facts(settings, here.dashboard_url if here else None)
    if as_json:
        print_json({"up": True, "url": url, "dashboard": None, **facts, **overview})
        return Exit.OK if "jobs" in overview else Exit.UNREACHABLE
    facts |= {"process": str(here.pid)} if here else {}
    if url is None:
        console.print(f"a cluster runs at {address}, with no HTTP server, or none yet")
    else:
        console.print(f"[bold green]Reelyard is up[/] at [bold]{url}[/]")
    console.print(f"  {'health':<12}{health_text(overview['health'])}")
    if "jobs" not in overview:
        _print_facts(facts)
        return Exit.UNREACHABLE
    facts["uptime"] = clock(overview["uptime_s"])
    facts["jobs"] = "  ".join(f"{state} {count}" for state, count in overview["jobs"].items())
    for pool in overview["pools"]:
        facts[f"pool {pool['name']}"] = (
            f"{len(pool['workers'])} worker(s), {pool['running']} running, {pool['queued']} queued"
        )
    _print_facts(facts)
    return Exit.OK
