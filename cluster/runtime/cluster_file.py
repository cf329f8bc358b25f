"""`cluster.json` and `ray.token` in the data folder, by which processes of this user find it."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from pathlib import Path

import msgspec
import psutil

from reelyard.cluster.folders.private_folders import check_owner
from reelyard.cluster.settings import Settings

FILE_NAME = "cluster.json"
_TOKEN = re.compile("[0-9a-f]{64}")


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
    dashboard_url: str | None = None
    """Where Ray's dashboard answers, once it does. It asks for the token."""

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

    A file left over by a process that was killed counts as none. Raises `UnsafeFolder` if it is
    somebody else's: whoever follows it hands over what they send.
    """
    path = settings.data / FILE_NAME
    try:
        with path.open("rb") as file:
            check_owner(path, os.fstat(file.fileno()))
            found = msgspec.json.decode(file.read(), type=ClusterFile)
    except (OSError, msgspec.DecodeError):
        return None
    return found if found.alive else None


def write_cluster_file(settings: Settings, entry: ClusterFile) -> None:
    """Write it at once and whole, for the owner's eyes only (mode 0600)."""
    _write(settings.data / FILE_NAME, msgspec.json.encode(entry))


def keep_token(settings: Settings, given: str | None = None) -> str:
    """The token of embedded clusters on this data folder: `given`, else the one of earlier times.

    It is kept in `ray.token`, which Ray's own commands take as `RAY_AUTH_TOKEN_PATH`: whoever has
    shown it to the dashboard once need not do so after a restart. Only one process may call this
    at a time.
    """
    path = token_file(settings)
    kept = path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""
    token = given or (kept if _TOKEN.fullmatch(kept) else secrets.token_hex(32))
    if token != kept or path.stat().st_mode & 0o077:
        _write(path, token.encode())
    return token


def token_file(settings: Settings) -> Path:
    """Where `keep_token` keeps the token."""
    return settings.data / "ray.token"


def commands_file(settings: Settings) -> Path:
    """A shell script to source before Ray's own commands: `. ray.env; ray status`."""
    return settings.data / "ray.env"


def write_commands_file(settings: Settings, variables: dict[str, str]) -> None:
    """Write the script that exports `variables`."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    # Ray takes a token in the environment before one in a file.
    _write(commands_file(settings), "".join(["unset RAY_AUTH_TOKEN\n", *lines]).encode())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def remove_cluster_file(settings: Settings, pid: int) -> None:
    """Remove the file, and that for Ray's commands, if process `pid` wrote it."""
    path: Path = settings.data / FILE_NAME
    try:
        found = msgspec.json.decode(path.read_bytes(), type=ClusterFile)
    except (OSError, msgspec.DecodeError):
        return
    if found.pid == pid:
        path.unlink(missing_ok=True)
        commands_file(settings).unlink(missing_ok=True)
