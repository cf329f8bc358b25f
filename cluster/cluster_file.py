"""`cluster.json` in the data folder: how other processes of this user find the embedded cluster."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec
import psutil

from cluster.settings import Settings

FILE_NAME = "cluster.json"


class ClusterFile(msgspec.Struct, frozen=True):
    """A running embedded cluster. It holds Ray's token: readable by its owner only."""

    ray_address: str
    url: str | None
    """Where the HTTP server answers, once it does."""
    pid: int
    """The process that started the cluster, and with which it ends."""
    token: str
    started_ms: int
    pid_started: float
    """Start time of that process (Unix seconds): a pid alone may be someone else's by now."""

    @property
    def alive(self) -> bool:
        """Whether the process that wrote this still runs."""
        return process_start(self.pid) == self.pid_started


def process_start(pid: int) -> float | None:
    """When the process started, in Unix seconds; None if there is no such process."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.create_time()
    except psutil.Error:
        return None


def find_cluster(settings: Settings) -> ClusterFile | None:
    """The embedded cluster that runs on `settings.data_dir`; None: there is none.

    A file left over by a process that was killed counts as none.
    """
    try:
        found = msgspec.json.decode((settings.data / FILE_NAME).read_bytes(), type=ClusterFile)
    except (OSError, msgspec.DecodeError):
        return None
    return found if found.alive else None


def write_cluster_file(settings: Settings, entry: ClusterFile) -> None:
    """Write it at once and whole, for the owner's eyes only (mode 0600)."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = settings.data / f".{FILE_NAME}.{secrets.token_hex(4)}"
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(msgspec.json.encode(entry))
        part.replace(settings.data / FILE_NAME)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def remove_cluster_file(settings: Settings, pid: int) -> None:
    """Remove the file if it is the one that process `pid` wrote."""
    path: Path = settings.data / FILE_NAME
    try:
        found = msgspec.json.decode(path.read_bytes(), type=ClusterFile)
    except (OSError, msgspec.DecodeError):
        return
    if found.pid == pid:
        path.unlink(missing_ok=True)
