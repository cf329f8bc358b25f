"""The destinations of outputs: own storage, an object store, a disk, a presigned URL."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from reelyard.actors.jobs.locations import File, ObjectUrl, Stored
from reelyard.actors.media.operation import MediaFile
from reelyard.cluster.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    OutputUnwritable,
    StorageFull,
)
from reelyard.cluster.fetching.fetch import upload
from reelyard.cluster.folders.user_files import make_user_folder, user_mode
from reelyard.cluster.readable_text import readable
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import ObjectInfo, Storage, part_name
from reelyard.cluster.storage.atomic_files import is_full, place
from reelyard.cluster.url_secrets import without_secrets


@dataclass(frozen=True)
class Placed:
    """Where a file was put, and how to know it again."""

    url: str
    name: str
    store: Storage | None = None
    key: str = ""
    path: Path | None = None
    mark: str = ""
    """What tells it from the file of a later attempt, though that holds the same bytes."""

    async def take_back(self) -> None:
        """Delete the file unless somebody else's has taken its place since."""
        if self.store is not None:
            found = await self.store.head(self.key)
            if found is not None and _mark(found) == self.mark:
                await self.store.delete([self.key])
        elif self.path is not None:
            await asyncio.to_thread(_remove_own, self.path, self.mark)


class LeaseLost(Exception):
    """The attempt's lease ran out: a newer attempt may have stored its own there."""


def check_held(held: Callable[[], bool]) -> None:
    """Raises `LeaseLost` if it does not hold any more."""
    if not held():
        raise LeaseLost


class Destination(ABC):
    """Takes the files of one attempt. `single`: no more than one."""

    single: bool

    @abstractmethod
    async def put(self, file: MediaFile) -> Placed:
        """Store a file; it may be moved away.

        Where other attempts share the place, the lease is looked at last before the file appears.
        Raises `LeaseLost`, `OutputUnwritable`, `StorageFull`.
        """


class StoreDestination(Destination):
    """A key, or the keys below a prefix that ends in `/`."""

    def __init__(self, store: Storage, place: Stored | ObjectUrl, held: Callable[[], bool]) -> None:
        self._store = store
        self._place = place
        self._held = held
        self.single = bool(place.key) and not place.key.endswith("/")

    async def put(self, file: MediaFile) -> Placed:
        key = self._place.key if self.single else self._place.key + file.path.name
        url = str(msgspec.structs.replace(self._place, key=key))
        name = key.rsplit("/", 1)[-1]
        check_held(self._held)
        try:
            info = await self._store.put_file(
                key, file.path, consume=True, content_type=file.mime, filename=name
            )
        except (BadRequest, Conflict, Forbidden, NotFound) as error:
            raise OutputUnwritable(
                f"the output {url} can't be written: {error.message}",
                internal=error.internal,
            ) from error
        return Placed(url, name, store=self._store, key=key, mark=_mark(info))


class AttemptDestination(Destination):
    """Own storage, under keys that no other attempt shares."""

    single = False

    def __init__(self, storage: Storage, key_of: Callable[[str], str]) -> None:
        """`key_of`: the key of a file by its name."""
        self._storage = storage
        self._key_of = key_of

    async def put(self, file: MediaFile) -> Placed:
        name = file.path.name
        key = self._key_of(name)
        info = await self._storage.put_file(
            key, file.path, consume=True, content_type=file.mime, filename=name
        )
        return Placed(str(Stored(key)), name, store=self._storage, key=key, mark=_mark(info))


class FileDestination(Destination):
    """A file, or a folder on a disk that this worker sees."""

    def __init__(
        self,
        path: Path,
        *,
        folder: bool,
        inputs: Sequence[Path],
        tag: str,
        fence: int,
        held: Callable[[], bool],
    ) -> None:
        """`inputs` are never written over; `tag` tells one job's unfinished files from another's,
        and `fence` those of its attempts."""
        self._path = path
        self._inputs = inputs
        self._tag = tag
        self._fence = fence
        self._held = held
        self.single = not folder

    async def put(self, file: MediaFile) -> Placed:
        target = self._path if self.single else self._path / file.path.name
        return await asyncio.to_thread(self._place, file.path, target)

    def _place(self, source: Path, target: Path) -> Placed:
        with file_errors(target):
            if target.is_dir():
                raise OutputUnwritable(f"the output {target} is a folder")
            make_user_folder(target.parent)
            if target.exists() and any(
                target.samefile(path) for path in self._inputs if path.exists()
            ):
                raise OutputUnwritable(f"the output {target} is the input; it stays as it is")
            self._clear_older(target)
            temp = target.with_name(part_name(target.name, f".part-{self._tag}-{self._fence}"))
            place(
                source,
                temp,
                target,
                consume=True,
                mode=user_mode(0o666),
                ready=partial(check_held, self._held),
            )
            name = readable(target.name)
            return Placed(str(File.at(target)), name, path=target, mark=_identity(target))

    def _clear_older(self, target: Path) -> None:
        """Delete what an earlier attempt left unfinished when its worker was killed."""
        # Fences are short: whether the name fits does not depend on them.
        begun = part_name(target.name, f".part-{self._tag}-{self._fence}").rpartition("-")[0]
        part = re.compile(re.escape(begun) + r"-(\d+)")
        for path in target.parent.iterdir():
            if (match := part.fullmatch(path.name)) and int(match[1]) < self._fence:
                path.unlink(missing_ok=True)


class UrlDestination(Destination):
    """A URL that takes a PUT, presigned. What is there can't be taken back."""

    single = True

    def __init__(self, url: str, settings: Settings, held: Callable[[], bool]) -> None:
        self._url = url
        self._settings = settings
        self._held = held

    async def put(self, file: MediaFile) -> Placed:
        check_held(self._held)
        await upload(self._url, file.path, self._settings, content_type=file.mime)
        # The query holds the signature: whoever reads the record must not be able to write.
        return Placed(without_secrets(self._url), file.path.name)


@contextmanager
def file_errors(target: Path) -> Iterator[None]:
    """What goes wrong with the file `target`, as `OutputUnwritable` or `StorageFull`."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise StorageFull(f"there is no room left for the output {target}") from error
        raise OutputUnwritable(
            f"the output {target} can't be written: {error.strerror or error}", internal=str(error)
        ) from error


def _mark(info: ObjectInfo) -> str:
    # An S3 store's ETag is made of the bytes alone.
    return f"{info.etag}-{info.modified_ms:x}"


def _identity(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_dev:x}-{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}"


def _remove_own(path: Path, mark: str) -> None:
    with suppress(OSError):
        if _identity(path) == mark:
            path.unlink()
