"""Log files: one for each actor of a node, put aside by size, deleted by size and age.

    logs/<actor>.log                        what it writes now
    logs/<actor>.20261128T084217.123.log    what was put aside at that time (UTC)
    logs/ray/session_…/                     Ray's own, a folder for each start

Several processes may write one file: the replicas of an app, or an actor and its successor.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from reelyard.cluster.settings import Settings

RAY = "ray"
LOOK_S = 1.0
"""Between two looks whether another process has put the file aside."""
_NAME = re.compile(r"(?P<actor>[^.].*?)(?P<aside>\.\d{8}T\d{6}\.\d{3})?\.log")


class LogLimits(NamedTuple):
    """How much is kept."""

    file_bytes: int
    keep_bytes: int
    keep_s: float

    @classmethod
    def of(cls, settings: Settings) -> LogLimits:
        """Those of the settings."""
        days = settings.log_retention_days
        return cls(settings.log_file_bytes, settings.log_keep_bytes, days * 86_400)


class Found(NamedTuple):
    """A file or folder of logs."""

    path: Path
    size_bytes: int
    changed_s: float
    current: bool
    """Whether somebody may still write to it."""
    inode: int


def actor_of(path: Path) -> str | None:
    """Whose log it is; None: it is no log of ours."""
    match = _NAME.fullmatch(path.name)
    return match["actor"] if match else None


def log_files(folder: Path) -> list[Found]:
    """The log files in `folder`, not Ray's own."""
    found = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            with suppress(FileNotFoundError):
                if match and entry.is_file(follow_symlinks=False):
                    stat = entry.stat()
                    found.append(_found(Path(entry.path), stat, current=not match["aside"]))
    return found


def _found(path: Path, stat: os.stat_result, *, current: bool) -> Found:
    return Found(path, stat.st_size, stat.st_mtime, current, stat.st_ino)


def outdated(found: Sequence[Found], limits: LogLimits, now_s: float) -> list[Found]:
    """What has to go: what is too old, and of the rest the oldest that are too many bytes.

    A current file goes by age only.
    """
    gone = [item for item in found if now_s - item.changed_s > limits.keep_s]
    rest = [item for item in found if now_s - item.changed_s <= limits.keep_s]
    left = limits.keep_bytes - sum(item.size_bytes for item in rest if item.current)
    aside = [item for item in rest if not item.current]
    for item in sorted(aside, key=lambda item: item.changed_s, reverse=True):
        left -= item.size_bytes
        if left < 0:
            gone.append(item)
    return gone


def prune(folder: Path, limits: LogLimits) -> None:
    """Delete what is outdated in a folder of log files."""
    with suppress(OSError):
        for item in outdated(log_files(folder), limits, time.time()):
            item.path.unlink(missing_ok=True)


def ray_session_folder(logs: Path, session: str, limits: LogLimits) -> Path:
    """A fresh folder for the logs of that Ray session; outdated ones of earlier sessions go."""
    home = logs / RAY
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    earlier = [_folder(path) for path in home.iterdir() if path.is_dir()]
    for item in outdated(earlier, limits, time.time()):
        shutil.rmtree(item.path, ignore_errors=True)
    folder = home / session
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def _folder(path: Path) -> Found:
    files = [file.stat() for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    own = path.stat()
    changed = max([own.st_mtime, *(stat.st_mtime for stat in files)])
    return Found(path, sum(stat.st_size for stat in files), changed, False, own.st_ino)


class LogFile:
    """A log file as a stream, open for appending, for its owner's eyes only.

    What can't be written is lost: on a full disk a log line must not end the work that would make
    room again.
    """

    def __init__(self, folder: Path, actor: str, limits: LogLimits) -> None:
        """Raises OSError if the folder or the file can't be made."""
        self._folder = folder
        # The operator chooses parts of such names.
        self._stem = re.sub(r"[^\w-]", "_", actor) or "_"
        self.path = folder / f"{self._stem}.log"
        self._limits = limits
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd = self._open()
        self._looked = time.monotonic()
        prune(folder, limits)

    def write(self, text: str) -> None:
        """Append whole lines."""
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        with self._lock, suppress(OSError):
            self._look()
            while data:
                data = data[os.write(self._fd, data) :]

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """It is a file."""
        return False

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            os.close(self._fd)
            self._fd = os.open(os.devnull, os.O_WRONLY)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self.path, flags, 0o600)

    def _look(self) -> None:
        now = time.monotonic()
        if os.fstat(self._fd).st_size >= self._limits.file_bytes:
            with self._alone():
                if self._is_ours():
                    self._put_aside()
                self._reopen()
        elif now - self._looked > LOOK_S and not self._is_ours():
            self._reopen()
        if now - self._looked > LOOK_S:
            self._looked = now

    def _put_aside(self) -> None:
        now = datetime.now(UTC)
        while (aside := self._aside(now)).exists():
            now += timedelta(milliseconds=1)
        self.path.rename(aside)
        prune(self._folder, self._limits)

    def _aside(self, at: datetime) -> Path:
        return self._folder / f"{self._stem}.{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03}.log"

    def _reopen(self) -> None:
        fd = self._open()
        os.close(self._fd)
        self._fd = fd

    def _is_ours(self) -> bool:
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._fd))
        except FileNotFoundError:
            return False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        # Beside the logs, so that it is not mistaken for one.
        fd = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)
