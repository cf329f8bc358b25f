"""The folder of one run: Ray's sockets and sessions, HAProxy's socket and script.

`run` in the data folder, or a link there to a private folder with a shorter path.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reelyard.cluster.errors import OutputUnwritable, UnsafeFolder
from reelyard.cluster.folders.folder_lock import FolderLock, remove_abandoned
from reelyard.cluster.folders.private_folders import check_way, private_folder
from reelyard.cluster.runtime.reaper import end_left

NAME = "run"
RAY = "ray"
PREFIX = "reelyard-"
SHARED = Path("/tmp")  # noqa: S108  what is made in it is private
MOST_BYTES = 37
"""A Unix socket's path has at most 107 bytes. Ray 2.60 puts up to 66 below its folder, session,
process id and name; HAProxy takes 97 bytes, of which Serve adds 59."""


@dataclass
class RunFolder:
    """An empty folder of this run, mode 0700."""

    path: Path
    """Its own, short enough for sockets."""
    link: Path
    """The same at each start: `path`, or a link to it."""
    _claim: FolderLock | None = None

    @property
    def ray(self) -> Path:
        """Ray's temporary folder. Every worker of Ray 2.60 opens it to everybody (0777): what keeps
        others out is the folder above."""
        return self.path / RAY

    @classmethod
    def make(cls, data: Path, environment: Mapping[str, str] | None = None) -> RunFolder:
        """The run folder for the data folder `data`, which the caller has claimed.

        What an earlier run has left is ended and removed. Raises `UnsafeFolder`,
        `OutputUnwritable`.
        """
        link = data / NAME
        _end_earlier(link)
        if len(os.fsencode(link)) <= MOST_BYTES:
            return cls(private_folder(link), link)
        folder = _short_folder(os.environ if environment is None else environment)
        claim = FolderLock.claim(folder)
        link.symlink_to(folder)
        return cls(folder, link, claim)

    def remove(self) -> None:
        """End what still runs in it, and delete it."""
        end_left(self.path)
        _remove(self.path)
        if self.link != self.path:
            self.link.unlink(missing_ok=True)
        if self._claim is not None:
            self._claim.release()


def prometheus_targets(data: Path) -> Path:
    """The file of targets for Prometheus (`file_sd_configs`), there once Ray's dashboard runs.

    At the same place at each start.
    """
    return data / NAME / RAY / "prom_metrics_service_discovery.json"


def _end_earlier(link: Path) -> None:
    folder = link
    if link.is_symlink():
        folder = link.readlink()
        link.unlink()
        if not folder.name.startswith(PREFIX) or not _is_own(folder):
            return
    if folder.exists():
        end_left(folder)
        _remove(folder)


def _short_folder(environment: Mapping[str, str]) -> Path:
    for base in _short_bases(environment):
        with suppress(UnsafeFolder, OSError):
            check_way(base)
            remove_abandoned([path for path in base.glob(f"{PREFIX}*") if _is_own(path)])
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            if len(os.fsencode(folder)) <= MOST_BYTES:
                return folder
            folder.rmdir()
    raise OutputUnwritable(
        "there is no private folder for sockets: data_dir has a path too long for them, and "
        "neither the temporary folder nor XDG_RUNTIME_DIR has a short one that others can't change"
    )


def _short_bases(environment: Mapping[str, str]) -> Iterator[Path]:
    yield Path(tempfile.gettempdir())
    yield SHARED
    # Last: it goes when its user logs out, and a server should not.
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Path(runtime)


def _is_own(path: Path) -> bool:
    try:
        return path.is_dir() and not path.is_symlink() and path.stat().st_uid == os.geteuid()
    except OSError:
        return False


def _remove(folder: Path) -> None:
    # Ray's agents write their last log lines a moment after `ray.shutdown`.
    for _ in range(10):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
