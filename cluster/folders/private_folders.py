"""Folders that are this user's alone: nobody else owns, writes or reads a part of them.

Whoever can write one folder on the way to a path can put another one in its place: the whole way
is looked at, as OpenSSH does for `~/.ssh`.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from reelyard.cluster.errors import OutputUnwritable, UnsafeFolder
from reelyard.cluster.folders.folder_lock import LOCK_NAME

ROOT_UID = 0
MOST_LINKS = 40
PRIVATE_UMASK = 0o077


def private_folder(path: Path) -> Path:
    """`path` as a folder of mode 0700 that nobody else can reach, made where it is missing.

    Where others may read it, it is closed to them if it is empty or has been ours before. Raises
    `UnsafeFolder` if somebody else uses it, owns or can write it, something directly in it, or a
    folder on the way to it; `OutputUnwritable` if it can't be made.
    """
    check_way(path)
    try:
        _make(path)
        _check_own(path)
        with os.scandir(path) as entries:
            names = [_checked(entry) for entry in entries]
        _close(path, is_ours=not names or LOCK_NAME in names)
    except OSError as error:
        raise OutputUnwritable(f"the folder {path} can't be used: {error.strerror}") from error
    return path


def _close(path: Path, *, is_ours: bool) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & stat.S_ISVTX or (mode & 0o077 and not is_ours):
        # It may be `/tmp` or somebody's project: not ours to take away from others.
        raise UnsafeFolder(
            f"{path} (mode {mode:04o}) is open to others and holds what is not Reelyard's; choose "
            f"another folder, or `chmod 700 {path}`"
        )
    if mode != 0o700:
        path.chmod(0o700)


def _make(path: Path) -> None:
    for folder in (*reversed(path.parents), path):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)


def check_way(path: Path) -> None:
    """Look at what exists of the way to `path`, links and what they point to included.

    Raises `UnsafeFolder` naming what somebody else owns or can write.
    """
    for part, found in _way(path.absolute()):
        check_owner(part, found)
        if not stat.S_ISLNK(found.st_mode):
            _check_writers(part, found)


def check_owner(path: Path, found: os.stat_result) -> None:
    """Raises `UnsafeFolder` if what was found at `path` is neither this user's nor root's."""
    if found.st_uid not in (ROOT_UID, os.geteuid()):
        raise UnsafeFolder(
            f"{path} belongs to {_name(found.st_uid)}, who could take over what {_name()} runs; "
            "choose another place, or give it its owner back"
        )


def _check_own(path: Path) -> None:
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise UnsafeFolder(f"{path} belongs to {_name(found.st_uid)}, not to {_name()}")


def _checked(entry: os.DirEntry[str]) -> str:
    """The entry's name, once its owner is known to be one of ours."""
    with suppress(FileNotFoundError):
        check_owner(Path(entry.path), entry.stat(follow_symlinks=False))
    return entry.name


def _check_writers(path: Path, found: os.stat_result) -> None:
    mode = found.st_mode
    if mode & stat.S_ISVTX and stat.S_ISDIR(mode):
        return  # what is in it can be replaced by its owner only
    writers = []
    if mode & stat.S_IWGRP and not _is_own_group(path, found):
        writers.append("g")
    if mode & stat.S_IWOTH:
        writers.append("o")
    if writers:
        raise UnsafeFolder(
            f"{path} (mode {stat.S_IMODE(mode):04o}) can be written by others; see that all in it "
            f"is yours, then `chmod {''.join(writers)}-w {path}`, or choose another place"
        )


def _is_own_group(path: Path, found: os.stat_result) -> bool:
    """Whether the group is one of this user alone, as most systems give to everybody.

    With an access list the bits of the group tell of others too.
    """
    with suppress(OSError):
        os.getxattr(path, "system.posix_acl_access")
        return False
    return found.st_gid == os.getegid() and _has_no_others(found.st_gid)


@cache
def _has_no_others(gid: int) -> bool:
    me = _name()
    try:
        members = set(grp.getgrgid(gid).gr_mem)
    except KeyError:
        return False
    return members <= {me} and all(
        user.pw_name == me or user.pw_uid == ROOT_UID
        for user in pwd.getpwall()
        if user.pw_gid == gid
    )


def _name(uid: int | None = None) -> str:
    uid = os.geteuid() if uid is None else uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _way(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything that exists on the way to `path` and at its end, in the order the system goes."""
    todo = list(reversed(path.parts[1:]))
    at = Path(path.anchor)
    yield at, at.lstat()
    links = 0
    while todo:
        name = todo.pop()
        at = at.parent if name == ".." else at / name
        try:
            found = at.lstat()
        except OSError:
            return  # not there yet, or not ours to see: making it will tell
        yield at, found
        if not stat.S_ISLNK(found.st_mode):
            continue
        links += 1
        if links > MOST_LINKS:
            raise UnsafeFolder(f"{path} goes through more than {MOST_LINKS} links")
        target = at.readlink()
        at = Path(target.anchor) if target.is_absolute() else at.parent
        todo += reversed(target.parts[1:] if target.is_absolute() else target.parts)


@contextmanager
def private_umask() -> Iterator[int]:
    """Within, files of this process and of those that it starts are its user's alone.

    Gives the umask that was in force before.
    """
    before = os.umask(PRIVATE_UMASK)
    try:
        yield before
    finally:
        os.umask(before)
