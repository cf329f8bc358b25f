"""Files that appear whole or not at all. Blocking: for threads."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from reelyard.cluster.storage.protocol import CHUNK_BYTES

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_full(error: BaseException) -> bool:
    """Whether `error` says that a disk, a quota or a file-size limit is exhausted."""
    return isinstance(error, OSError) and error.errno in _FULL


def place(
    source: Path,
    temp: Path,
    target: Path,
    *,
    consume: bool,
    mode: int | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Copy `source` to `target` by way of `temp` (in the same folder), synced to disk.

    `consume`: move it instead, where both are on one disk. `mode`: of the file, if not what this
    process gives. `ready` is called last before `target` changes, and may raise. On an error `temp`
    is gone and `target` is as it was. Raises OSError.
    """
    try:
        if not (consume and _moved(source, temp)):
            with source.open("rb") as reader, temp.open("wb") as writer:
                copy_bytes(reader, writer)
        if mode is not None:
            temp.chmod(mode)
        finish(temp, target, ready)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise


def finish(temp: Path, target: Path, ready: Callable[[], None] | None = None) -> None:
    """Sync `temp` to disk, call `ready`, and give it its name. Raises OSError."""
    with temp.open("rb") as whole:
        os.fsync(whole.fileno())
    if ready is not None:
        ready()
    temp.rename(target)
    sync_folder(target.parent)


def copy_bytes(reader: BinaryIO, writer: BinaryIO) -> None:
    """Append the rest of `reader` to `writer`, within the kernel where that works.

    File systems that can share blocks do so.
    """
    writer.flush()
    left = os.fstat(reader.fileno()).st_size - reader.tell()
    try:
        while left > 0:
            copied = os.copy_file_range(reader.fileno(), writer.fileno(), min(left, 1 << 30))
            if copied == 0:
                return
            left -= copied
    except OSError as error:
        if is_full(error):
            raise
        # Not between these two file systems. The positions tell how far it came.
        shutil.copyfileobj(reader, writer, CHUNK_BYTES)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    # Some network file systems refuse to sync a folder; the file itself is safe by then.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _moved(source: Path, target: Path) -> bool:
    with suppress(OSError):
        source.rename(target)
        return True
    return False
