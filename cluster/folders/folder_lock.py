"""Folders that belong to one living process at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import Self

from reelyard.cluster.errors import OutputUnwritable

LOCK_NAME = ".owner.lock"


class FolderLock:
    """An exclusive claim on a folder that ends with the process, however that ends.

    It rests on `flock`, so there is no pid to be reused and nothing to clean up after kill -9.
    Child processes do not inherit it.
    """

    def __init__(self, folder: Path, fd: int) -> None:
        self.folder = folder
        self._fd: int | None = fd

    @classmethod
    def claim(cls, folder: Path) -> FolderLock | None:
        """Claim `folder` (made if missing, for its owner only); None: another process has it.

        Raises `OutputUnwritable`.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OutputUnwritable(
                f"the folder {folder} can't be used: {error.strerror}"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        return cls(folder, fd)

    def release(self) -> None:
        """Give the folder up. Twice does no harm."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def owner_pid(folder: Path) -> int | None:
    """The process that holds `folder`, or held it last; None: nobody ever did."""
    try:
        return int((folder / LOCK_NAME).read_text() or 0) or None
    except (OSError, ValueError):
        return None


def remove_abandoned(folders: list[Path]) -> list[Path]:
    """Delete those of `folders` that carry a lock file which no living process holds."""
    removed = []
    for folder in folders:
        if not (folder / LOCK_NAME).exists():
            continue
        try:
            lock = FolderLock.claim(folder)
        except OutputUnwritable:
            continue
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
            removed.append(folder)
    return removed
