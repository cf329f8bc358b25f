"""The room that is left on the disk of a folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from reelyard.cluster.errors import Unavailable


def free_of(folder: Path) -> int | None:
    """Bytes that are free where `folder` lies, or will: it may not be there yet. Blocking.

    None where the file system does not tell, as some in user space.

    Raises `Unavailable` if it can't be written, or can't be made.
    """
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        disk = shutil.disk_usage(there)
    except OSError as error:
        raise Unavailable(f"{folder} can't be read: {error.strerror}") from None
    if not there.is_dir():
        raise Unavailable(f"{folder} can't be used: {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise Unavailable(f"{folder} can't be written by this user")
    return disk.free if disk.total else None
