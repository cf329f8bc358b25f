"""Files that are put where a user asked: with the modes that the user's own umask gives.

The processes of an embedded cluster have a umask of 077, for what is theirs.
"""

from __future__ import annotations

import os
from pathlib import Path

USER_UMASK = "_REELYARD_UMASK"
"""Tells the processes of an embedded cluster the umask of whoever started it, in octal."""


def user_mode(full: int) -> int | None:
    """`full` (0o666 or 0o777) as the user's umask leaves it; None: this process has that umask."""
    umask = os.environ.get(USER_UMASK)
    return None if umask is None else full & ~int(umask, 8)


def make_user_folder(path: Path) -> None:
    """Make `path` and what is missing above it. Raises OSError."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    mode = user_mode(0o777)
    if mode is not None:
        for folder in missing:
            folder.chmod(mode)
