"""The Ray cluster that Reelyard runs on: started, found, joined and stopped.

Embedded: Ray's processes are children of this one and end with it, even on kill -9. Everything
listens on 127.0.0.1 only and asks for a token.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from reelyard.cluster.errors import Conflict, Unavailable
from reelyard.cluster.folders.folder_lock import FolderLock, owner_pid
from reelyard.cluster.folders.private_folders import check_way, private_folder, private_umask
from reelyard.cluster.folders.run_folder import RunFolder
from reelyard.cluster.logs.files import LogLimits, ray_session_folder
from reelyard.cluster.runtime import ray_env
from reelyard.cluster.runtime.cluster_file import (
    ClusterFile,
    find_cluster,
    keep_token,
    process_start,
    remove_cluster_file,
    token_file,
    write_cluster_file,
    write_commands_file,
)
from reelyard.cluster.runtime.haproxy_rules import Edge
from reelyard.cluster.runtime.haproxy_wrapper import NO_EDGE
from reelyard.cluster.runtime.ray_start import dead_process, start_dashboard, start_ray
from reelyard.cluster.runtime.reachable import is_reachable
from reelyard.cluster.runtime.reaper import Reaper
from reelyard.cluster.settings import Settings

__all__ = [
    "Cluster",
    "ClusterFile",
    "find_cluster",
    "join",
    "start_embedded",
    "wait_for_cluster",
]


@dataclass
class Cluster:
    """A connection of this process to a Ray cluster; `owned`: the cluster is its own."""

    settings: Settings = field(repr=False)
    address: str
    owned: bool
    dashboard_url: str | None = None
    """Where Ray's dashboard answers, if there is one. It may ask for Ray's token."""
    _claim: FolderLock | None = field(default=None, repr=False)
    _run: RunFolder | None = field(default=None, repr=False)
    _reaper: Reaper | None = field(default=None, repr=False)
    _stopped: bool = field(default=False, repr=False)

    def announce(self, url: str | None) -> None:
        """Write down where the HTTP server answers, for `find_cluster` of other processes."""
        if not self.owned:
            return
        pid = os.getpid()
        entry = ClusterFile(
            ray_address=self.address,
            url=url,
            dashboard_url=self.dashboard_url,
            pid=pid,
            token=os.environ["RAY_AUTH_TOKEN"],
            started_ms=int(time.time() * 1000),
            pid_started=process_start(pid) or 0.0,
        )
        write_cluster_file(self.settings, entry)

    def start_dashboard(self) -> None:
        """Start Ray's dashboard of the embedded cluster. Call it from the main thread."""
        with private_umask():
            self.dashboard_url = start_dashboard()

    def lost_process(self) -> str | None:
        """Which process of the embedded cluster has died, without which it can't go on; None: all
        live."""
        return dead_process() if self.owned and not self._stopped else None

    def abandon(self) -> None:
        """End what is left of an embedded cluster that has lost a process: Ray's own way to end
        waits for it for ever."""
        self._stopped = True
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
        self._clear_away()

    def stop(self) -> None:
        """Leave the cluster; the embedded one ends, with everything in it. Twice does no harm."""
        if self._stopped:
            return
        self._stopped = True
        if self.owned:
            # First of all: nobody shall join what is about to end.
            remove_cluster_file(self.settings, os.getpid())
        import ray

        ray.shutdown()
        self._clear_away()

    def _clear_away(self) -> None:
        if self.owned:
            remove_cluster_file(self.settings, os.getpid())
        if self._reaper is not None:
            self._reaper.dismiss()
        if self._run is not None:
            self._run.remove()
        if self._claim is not None:
            self._claim.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_embedded(settings: Settings, edge: Edge = NO_EDGE) -> Cluster:
    """Start Ray on this machine, for this process and those that `find_cluster` here.

    `edge`: what an HTTP server on it shall say where none of its apps can.

    Call it from the main thread: Ray's processes end with the thread that started them. Raises
    `Conflict` if an embedded cluster already uses `settings.data_dir`, `UnsafeFolder` if another
    user of this machine could reach into it.
    """
    check_places(settings)
    claim = FolderLock.claim(settings.data)
    if claim is None:
        pid = owner_pid(settings.data)
        raise Conflict(
            f"data_dir {str(settings.data)!r} is in use by another embedded cluster (process {pid})"
        )
    try:
        return _start(settings, claim, edge)
    except BaseException:
        claim.release()
        raise


def check_places(settings: Settings) -> None:
    """See that no other user of this machine can reach into what an embedded cluster keeps.

    The data folder is made, and closed to others. Raises `UnsafeFolder`, `OutputUnwritable`.
    """
    private_folder(settings.data)
    for place in settings.local_places:
        check_way(place)


def _start(settings: Settings, claim: FolderLock, edge: Edge) -> Cluster:
    run = RunFolder.make(settings.data)
    try:
        with private_umask() as umask:
            _start_ray(settings, run, umask, edge)
    except BaseException:
        run.remove()
        raise
    import ray

    cluster = Cluster(
        settings,
        ray.get_runtime_context().gcs_address,
        owned=True,
        _claim=claim,
        _run=run,
        _reaper=Reaper.of_run(run.path),
    )
    write_commands_file(
        settings, ray_env.commands_environment(cluster.address, token_file(settings))
    )
    cluster.announce(None)
    return cluster


def _start_ray(settings: Settings, run: RunFolder, umask: int, edge: Edge) -> None:
    token = keep_token(settings, os.environ.get("RAY_AUTH_TOKEN"))
    ray_env.apply(
        ray_env.embedded_environment(settings, run.path, token, umask, edge),
        firm=ray_env.FIRM,
    )
    import ray

    if ray.is_initialized():
        raise Conflict("this process is connected to a Ray cluster already")
    limits = LogLimits.of(settings)
    start_ray(
        _init_options(settings, run.ray),
        lambda session: ray_session_folder(settings.logs, session, limits),
    )


def _init_options(settings: Settings, folder: Path) -> dict[str, Any]:
    return {
        "address": "local",
        "namespace": settings.namespace,
        "num_cpus": settings.cores,
        "object_store_memory": max(settings.object_store_bytes, 80 << 20),
        "include_dashboard": False,
        "dashboard_host": "127.0.0.1",
        "log_to_driver": False,
        "logging_level": "error",
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": str(folder),
        "_system_config": ray_env.PATIENT_HEALTH_CHECKS,
    }


def join(settings: Settings) -> Cluster:
    """Connect to the cluster at `settings.ray_address`, else to the embedded one that runs here.

    In a process that Ray already knows (a driver, an actor) this changes nothing. Raises
    `Unavailable` if there is no such cluster.
    """
    import sys

    if "ray" in sys.modules:
        import ray

        if ray.is_initialized():
            return Cluster(settings, ray.get_runtime_context().gcs_address, owned=False)
    found = None if settings.ray_address else find_cluster(settings)
    address = settings.ray_address or (found.ray_address if found else None)
    if address is None:
        raise Unavailable("no Reelyard cluster runs here; start one with `reelyard up`")
    if not is_reachable(address):
        raise Unavailable(f"nothing answers at {address}, where the Ray cluster should be")
    ray_env.apply(
        ray_env.join_environment(found.token if found else None),
        firm=ray_env.FIRM if found else (),
    )
    import ray

    try:
        context = ray.init(
            address=address,
            namespace=settings.namespace,
            log_to_driver=False,
            logging_level="error",
        )
    except (ConnectionError, TimeoutError, RuntimeError) as error:
        raise Unavailable(
            f"the Ray cluster at {address!r} does not answer", internal=str(error)
        ) from error
    dashboard_url = f"http://{context.dashboard_url}" if context.dashboard_url else None
    return Cluster(settings, address, owned=False, dashboard_url=dashboard_url)


def wait_for_cluster(settings: Settings, timeout_s: float = 300.0) -> ClusterFile | None:
    """`find_cluster`, waiting while another process is just starting one; None: none came."""
    end = time.monotonic() + timeout_s
    while True:
        if (found := find_cluster(settings)) is not None:
            return found
        probe = FolderLock.claim(settings.data)
        if probe is not None:
            probe.release()
            return None
        if time.monotonic() > end:
            return None
        time.sleep(0.1)
