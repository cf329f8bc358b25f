"""The looks at this machine, the store and the storage that `reelyard doctor` judges by.

They change nothing, need no running cluster, and none takes longer than some seconds.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
from packaging.requirements import Requirement

from reelyard.actors.jobs.locations import file_path
from reelyard.api.cli.checkup import checks
from reelyard.api.cli.checkup.checks import Check
from reelyard.cluster.errors import ReelyardError
from reelyard.cluster.faults import did_you_mean
from reelyard.cluster.folders.free_space import free_of
from reelyard.cluster.folders.private_folders import check_way
from reelyard.cluster.runtime.cluster_file import FILE_NAME, ClusterFile, find_cluster
from reelyard.cluster.runtime.reachable import is_reachable
from reelyard.cluster.settings import Settings
from reelyard.cluster.url_secrets import hide_url_secrets

LONGEST_S = 10.0
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  looked at only


def look_at_all(settings: Settings) -> list[Check]:
    """Every check, in the order in which one would mend."""
    running = find_running(settings)
    looks: list[tuple[str, Callable[[], Iterator[Check]]]] = [
        ("variables", _variables),
        ("versions", _versions),
        ("pools", lambda: iter([checks.pools(settings)])),
        ("operations", lambda: _operations(settings)),
        ("folders", lambda: _folders(settings)),
        ("disk", lambda: _disks(settings)),
        ("store", lambda: _store(settings)),
        ("storage", lambda: _storage(settings)),
        ("port", lambda: _port(settings, running)),
        ("limits", lambda: _limits(settings)),
        ("leftovers", lambda: _leftovers(settings, running)),
        ("cluster", lambda: _cluster(settings, running)),
    ]
    found: list[Check] = []
    for name, look in looks:
        try:
            found += look()
        except ReelyardError as error:
            found.append(checks.fail(name, error.message, ADVICE.get(name, "")))
        except (OSError, TimeoutError, ValueError) as error:
            reason = str(error) or type(error).__name__
            found.append(checks.fail(name, reason, ADVICE.get(name, "")))
    return found


ADVICE = {
    "operations": "mend the file, or REELYARD_OPERATIONS",
    "folders": "give the folder back to its user, close it to others, or choose another",
    "disk": "choose a folder that this user can write",
    "store": "see that it runs, and that REELYARD_STORE_URL is right",
    "storage": "see that it can be reached, and REELYARD_STORAGE_URL and _OPTIONS",
    "port": "choose another REELYARD_PORT or REELYARD_HOST, or end what has it",
    "cluster": "`reelyard logs`, then `reelyard down` and `reelyard up`",
}


def find_running(settings: Settings) -> ClusterFile | None:
    """The embedded cluster that runs on the data folder; None where that is not ours to say."""
    try:
        return find_cluster(settings)
    except ReelyardError:
        return None


def _variables() -> Iterator[Check]:
    from reelyard.api.cli.session import unknown_variables

    unknown = unknown_variables(os.environ)
    for name, meant in unknown.items():
        yield checks.warn("settings", f"{name} is no setting{did_you_mean(meant)}", "unset it")
    if not unknown:
        yield checks.ok("settings", "all valid")


def _versions() -> Iterator[Check]:
    wrong = []
    for line in requires("reelyard") or []:
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            there = version(wanted.name)
        except PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        if not wanted.specifier.contains(there, prereleases=True):
            wrong.append(f"{wanted.name} {there} is not {wanted.specifier}")
    yield checks.packages(wrong)


def _operations(settings: Settings) -> Iterator[Check]:
    from reelyard.actors.media.catalogue import load_operations

    load_operations(settings.operations)
    yield checks.ok("operations", f"{len(settings.operations)} of your own")


def _folders(settings: Settings) -> Iterator[Check]:
    if settings.ray_address is None:
        for place in (settings.data, *settings.local_places):
            check_way(place)
    yield checks.ok("folders", f"{settings.data} and the others are this user's alone")


def _disks(settings: Settings) -> Iterator[Check]:
    reserve, scratch = settings.disk_reserve_bytes, settings.scratch_reserve_bytes
    places = {"store": _store_folder(settings.store), "storage": file_path(settings.storage)}
    for name, folder in places.items():
        if folder is not None:
            free = free_of(folder)
            yield checks.room(f"disk_{name}", str(folder), free, reserve, "disk_reserve_bytes")
    if settings.ray_address is None:
        place = settings.scratch
        free = free_of(place)
        yield checks.room("disk_scratch", str(place), free, scratch, "scratch_reserve_bytes")
        free_of(settings.logs)


def _store_folder(url: str) -> Path | None:
    parts = urlsplit(url)
    if parts.scheme != "sqlite":
        return None
    return Path("/" + unquote(parts.path).lstrip("/")).parent


def _store(settings: Settings) -> Iterator[Check]:
    from reelyard.actors.registry import store_facts

    facts = _within(store_facts(settings))
    yield checks.ok("store", hide_url_secrets(settings.store))
    if facts:
        yield from checks.durability(facts)
    else:
        times = [path.stat().st_mtime for path in settings.data.glob("*") if path.exists()]
        yield checks.file_clock(max(times, default=None), time.time())


def _storage(settings: Settings) -> Iterator[Check]:
    from reelyard.cluster.storage import open_storage

    _within(open_storage(settings).free_bytes())
    yield checks.ok("storage", hide_url_secrets(settings.storage))


def _within[T](call: Awaitable[T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(LONGEST_S):
            return await call

    return asyncio.run(bounded())


def _port(settings: Settings, running: ClusterFile | None) -> Iterator[Check]:
    from reelyard.actors.registry import stored_keys_are_needed
    from reelyard.api.serving.bind import check_bind
    from reelyard.api.serving.waiting_room import check_free
    from reelyard.cluster.fetching.address_checks import is_loopback

    if running is not None or settings.ray_address is not None:
        where = running.url if running else settings.ray_address
        yield checks.ok("port", f"in use by the cluster at {where}")
        return
    if settings.port:
        check_free(settings.host, settings.port)
    if not is_loopback(settings.host):
        check_bind(settings, keys_are_needed=asyncio.run(stored_keys_are_needed(settings)))
    yield checks.ok("port", f"{settings.host}:{settings.port} is free")


def _limits(settings: Settings) -> Iterator[Check]:
    yield checks.open_files(*resource.getrlimit(resource.RLIMIT_NOFILE))
    free = shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else None
    yield checks.shared_memory(free, settings.object_store_bytes)


def _leftovers(settings: Settings, running: ClusterFile | None) -> Iterator[Check]:
    run = settings.data / "run"
    here = os.path.realpath(run)
    processes = [] if running else [pid for pid, words in _command_lines() if here + "/" in words]
    stale = [str(path) for path in (run, settings.data / FILE_NAME) if path.exists()]
    yield checks.leftovers(processes, stale, running=running is not None)


def _command_lines() -> Iterator[tuple[int, str]]:
    for process in psutil.process_iter(["cmdline", "uids"]):
        uids = process.info["uids"]
        if uids is not None and uids.real == os.getuid():
            yield process.pid, " ".join(process.info["cmdline"] or [])


def _cluster(settings: Settings, running: ClusterFile | None) -> Iterator[Check]:
    from reelyard.api.cli.session import find_running as find_client

    if running is None and settings.ray_address is None:
        yield checks.ok("cluster", "none runs here")
        return
    if settings.ray_address is not None and not is_reachable(settings.ray_address):
        found = f"nothing answers at {settings.ray_address}"
        yield checks.fail("cluster", found, "start Ray there, or mend REELYARD_RAY_ADDRESS")
        return
    client = find_client(settings)
    if client is None:
        return
    with client:
        health = client.overview()["health"]
    yield from checks.of_health(health)
