"""Another user of this machine, who tries to get in.

As root the tries are made: by a process that has become that user. Else they are judged by the
owners and modes that the system would judge by.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

STRANGER = 54321

_TRIES = """
import errno, json, os, socket, sys
paths = json.load(sys.stdin)
os.setgroups([]); os.setgid({uid}); os.setuid({uid})
def write(path):
    if os.path.isdir(path):
        os.close(os.open(os.path.join(path, "mine"), os.O_WRONLY | os.O_CREAT))
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
def connect(path):
    os.chdir(os.path.dirname(path))  # a socket's path has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.path.basename(path))
def read(path):
    if os.path.isdir(path):
        os.listdir(path)
    else:
        os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 1)
TRIES = (os.stat, read, write, connect, lambda path: os.rename(path, path + "-mine"),
         lambda path: os.chmod(path, 0o777))
done = []
for path in paths:
    for name, attempt in zip(("stat", "read", "write", "connect", "rename", "chmod"), TRIES):
        try:
            attempt(path)
            done.append([path, name])
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOENT):
                done.append([path, f"{name}: {error}"])
print(json.dumps(done))
"""


class Success(NamedTuple):
    """What a stranger could do."""

    path: str
    deed: str


def successes(paths: Iterable[Path]) -> list[Success]:
    """What another user could do to these paths: see, read, write, connect to, move, open up."""
    wanted = [str(path) for path in paths]
    if os.geteuid() != 0:
        return [Success(path, "reach") for path in wanted if _others_may_reach(Path(path))]
    # What it imports, it imports as root: the interpreter may lie where nobody else looks.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _TRIES.replace("{uid}", str(STRANGER))],
        check=True,
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
    )
    return [Success(*found) for found in json.loads(done.stdout)]


def _others_may_reach(path: Path) -> bool:
    above = path.absolute().parents
    if not all(folder.stat().st_mode & stat.S_IXOTH for folder in above):
        return False
    mode = path.lstat().st_mode
    return bool(mode & 0o007) and not stat.S_ISLNK(mode)


def tree(folder: Path) -> list[Path]:
    """The folder and everything in it; also behind links, and not what is gone meanwhile."""
    found = [folder]
    for at, folders, files in os.walk(folder, followlinks=True):
        found += [Path(at, name) for name in (*folders, *files)]
        # Ray's link to its last session, which is there under its own name.
        folders[:] = [name for name in folders if name != "session_latest"]
    return [path for path in found if path.exists()]


def sockets_of(paths: Iterable[Path]) -> list[Path]:
    """Those that are sockets to which somebody listens."""
    return [path for path in paths if path.is_socket() and _listens(path)]


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path.resolve())) == 0
