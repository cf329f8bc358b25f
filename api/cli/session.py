"""A command's connection: to a cluster on this machine, to a remote one, or to its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from reelyard.api.cli.output import errors
from reelyard.api.client.http_transport import HttpTransport
from reelyard.api.client.store_transport import StoreTransport
from reelyard.api.client.sync_client import Client
from reelyard.cluster.errors import Unavailable
from reelyard.cluster.faults import closest
from reelyard.cluster.runtime.ray_cluster import find_cluster
from reelyard.cluster.settings import CONFIG_VARIABLE, Settings

URL_VARIABLE = "REELYARD_URL"
KEY_VARIABLE = "REELYARD_KEY"


OTHER_VARIABLES = (URL_VARIABLE, KEY_VARIABLE, CONFIG_VARIABLE)


def unknown_variables(environment: Iterable[str]) -> dict[str, str | None]:
    """The variables `REELYARD_…` that mean nothing here, each with the one that was probably
    meant."""
    known = [f"REELYARD_{name.upper()}" for name in Settings.model_fields]
    known += OTHER_VARIABLES
    return {
        name: closest(name, known)
        for name in sorted(environment)
        if name.startswith("REELYARD_") and name not in known
    }


@contextmanager
def running_cluster(settings: Settings) -> Iterator[Client]:
    """A client of a cluster that is there already. Raises `Unavailable` if none is."""
    client = find_running(settings)
    if client is None:
        raise Unavailable(
            "no cluster runs here; start one with `reelyard up`, "
            f"or set {URL_VARIABLE} to reach another"
        )
    with client:
        yield client


def from_cluster_or_store[T](settings: Settings, read: Callable[[Client], T]) -> T:
    """What `read` finds in the cluster that is there, else in the store, which it then says.

    Raises `Unavailable` if there is neither.
    """
    try:
        with running_cluster(settings) as client:
            return read(client)
    except Unavailable:
        if remote():
            raise
    with Client(transport=lambda: StoreTransport.open(settings)) as client:
        errors.print("[dim]no cluster answers; this is what the store has[/]")
        return read(client)


@contextmanager
def any_cluster(settings: Settings) -> Iterator[Client]:
    """A client of the running cluster, or of one that lives as long as this command."""
    client = find_running(settings)
    if client is None:
        from reelyard.api.client.connect import connect

        client = connect(settings=settings)
    with client:
        yield client


def remote() -> bool:
    """Whether commands go to a server that `REELYARD_URL` names, perhaps of another machine."""
    return bool(os.environ.get(URL_VARIABLE))


def find_running(settings: Settings) -> Client | None:
    """The server that `REELYARD_URL` names, else the cluster that this machine runs, else None."""
    if url := os.environ.get(URL_VARIABLE):
        return Client(url, os.environ.get(KEY_VARIABLE))
    found = find_cluster(settings)
    if found is not None and found.url is not None:
        url, token = found.url, found.token

        async def local() -> HttpTransport:
            return HttpTransport(url, token, local=True)

        return Client(transport=local)
    if found is not None or settings.ray_address is not None:
        from reelyard.api.client.connect import connect

        return connect(settings=settings)
    return None
