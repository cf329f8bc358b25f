"""Local folders for work in progress: one for each attempt, gone with it.

    scratch/<slot>-<incarnation>/            claimed by the living worker (`FolderLock`)
    scratch/<slot>-<incarnation>/<n>/in      staged inputs
    scratch/<slot>-<incarnation>/<n>/out     what the operation writes

A worker that was killed leaves its folder; the next one on the machine removes it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from reelyard.cluster.errors import Conflict
from reelyard.cluster.folders.folder_lock import FolderLock, remove_abandoned

IN, OUT = "in", "out"
HYSTERESIS = 1.1
"""After the disk was too full, work goes on when this many times the reserve is free."""


class AttemptFolder:
    """The folders of one attempt: `inputs` (made when one has to be copied), `outputs` (empty)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inputs = root / IN
        self.outputs = root / OUT


class Scratch:
    """The scratch folder of one worker."""

    def __init__(self, root: Path, owner: str, reserve_bytes: int) -> None:
        """Claim `root/owner`. Raises `Conflict` if another process has it."""
        self.root = root
        self.home = root / owner
        self.reserve_bytes = reserve_bytes
        claim = FolderLock.claim(self.home)
        if claim is None:
            raise Conflict(f"the scratch folder of {owner} is in use by another process")
        self._claim = claim
        self._count = 0
        self._full = False
        self._empty: list[AttemptFolder] = []

    def clean_up_after_others(self) -> list[Path]:
        """Remove the folders of workers that are dead; which they were."""
        others = [path for path in self.root.iterdir() if path.is_dir() and path != self.home]
        return remove_abandoned(others)

    def open(self) -> AttemptFolder:
        """A fresh folder for an attempt."""
        if self._empty:
            return self._empty.pop()
        self._count += 1
        folder = AttemptFolder(self.home / str(self._count))
        folder.outputs.mkdir(parents=True)
        return folder

    def recycle(self, folder: AttemptFolder) -> bool:
        """Keep an attempt's folder for the next one if nothing is in it; False: `discard` it.

        Making and removing folders costs a disk more than a short task does.
        """
        clean = _names(folder.root) == [OUT] and not _names(folder.outputs)
        if clean:
            self._empty.append(folder)
        return clean

    async def discard(self, folder: AttemptFolder) -> None:
        """Remove an attempt's folder with all that is in it."""
        await asyncio.to_thread(shutil.rmtree, folder.root, ignore_errors=True)

    def has_room(self) -> bool:
        """Whether enough of the disk is free to take another task."""
        free = shutil.disk_usage(self.home).free
        needed = self.reserve_bytes * (HYSTERESIS if self._full else 1.0)
        self._full = free < needed
        return not self._full

    def close(self) -> None:
        """Remove everything and give the folder up."""
        shutil.rmtree(self.home, ignore_errors=True)
        self._claim.release()


def _names(folder: Path) -> list[str]:
    # Twice for each task: a path object for each entry would take longer than the look itself.
    return os.listdir(folder)  # noqa: PTH208
