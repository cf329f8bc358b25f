"""A task's inputs as local files: used where they lie, or copied before it runs."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import stamina

from reelyard.actors.jobs.locations import File, ObjectUrl, Stored, WebUrl, parse_location, shown
from reelyard.actors.jobs.messages import Lease
from reelyard.actors.media.operation import Source
from reelyard.actors.worker.object_stores import open_store
from reelyard.cluster.errors import (
    BadRequest,
    EmptySource,
    Forbidden,
    LimitExceeded,
    NotFound,
    SourceForbidden,
    SourceNotFound,
    SourceUnreadable,
    StorageFull,
    Unavailable,
)
from reelyard.cluster.fetching.fetch import OnBytes, download
from reelyard.cluster.readable_text import readable
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage, fitted_name, safe_name
from reelyard.cluster.storage.atomic_files import copy_bytes, is_full
from reelyard.cluster.storage.uploads import read_upload


async def stage_inputs(
    lease: Lease,
    folder: Path,
    settings: Settings,
    storage: Storage,
    progress: OnBytes | None = None,
) -> list[Source]:
    """Every input of `lease` as a local file; what has to be copied goes below `folder`.

    A file on this machine (named by its owner, or in a store on disk) is used where it lies.
    `progress` hears the bytes so far and the total of the input being copied.
    Raises `SourceNotFound`, `SourceUnreadable`, `SourceForbidden`, `EmptySource`,
    `LimitExceeded`, `TimedOut`, `StorageFull`, `Unavailable`.
    """
    stager = _Stager(settings, storage, progress)
    return [
        await stager.stage(location, folder / str(index))
        for index, location in enumerate(lease.inputs)
    ]


class _Stager:
    def __init__(self, settings: Settings, storage: Storage, progress: OnBytes | None) -> None:
        self._settings = settings
        self._storage = storage
        self._progress = progress

    async def stage(self, location: str, folder: Path) -> Source:
        """The input at `location`; a copy, if need be, in `folder`."""
        with _source_errors(location):
            parsed = parse_location(location)
        if isinstance(parsed, File):
            return await asyncio.to_thread(_local_source, parsed, folder)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        match parsed:
            case WebUrl(url):
                return await self._fetch(url, folder)
            case Stored(key) if key.endswith("/"):
                return await self._upload(key, folder)
            case Stored(key):
                return await self._object(self._storage, key, location, folder)
            case ObjectUrl(key=key):
                with _source_errors(location):
                    store = open_store(parsed, self._settings)
                return await self._object(store, key, location, folder)
        raise SourceForbidden(
            f"the input {shown(location)} has an unknown scheme; allowed: file, http, https, s3, "
            "gs, az"
        )

    async def _fetch(self, url: str, folder: Path) -> Source:
        path = folder / "fetched"
        fetched = await download(url, path, self._settings, self._progress)
        _refuse_empty(fetched.size, fetched.filename)
        named = await asyncio.to_thread(path.rename, folder / fetched.filename)
        return Source(named, fetched.filename)

    async def _object(self, store: Storage, key: str, location: str, folder: Path) -> Source:
        name = safe_name(key)
        with _source_errors(location):
            info = await store.head(key)
            if info is None:
                raise NotFound
            _refuse_empty(info.size, name)
            if (local := store.local_path(key)) is not None:
                return Source(local, name)
            if info.size > (cap := self._settings.fetch_max_bytes):
                raise LimitExceeded(f"{name} has {info.size} bytes; at most {cap} are fetched")
            await self._copy(store, [key], info.size, folder / name)
        return Source(folder / name, name)

    async def _upload(self, prefix: str, folder: Path) -> Source:
        with _source_errors("the upload"):
            upload = await read_upload(self._storage, prefix)
            name = safe_name(upload.filename, fallback="upload")
            if upload.size != upload.length:
                of = "an unknown number of" if upload.length is None else upload.length
                raise SourceUnreadable(
                    f"the upload {name} is not complete: {upload.size} of {of} bytes have arrived"
                )
            _refuse_empty(upload.size, name)
            keys = [part.name for part in upload.parts]
            local = [self._storage.local_path(key) for key in keys]
            if len(local) == 1 and local[0] is not None:
                return Source(local[0], name)
            await self._copy(self._storage, keys, upload.size, folder / name)
        return Source(folder / name, name)

    async def _copy(self, store: Storage, keys: list[str], total: int, target: Path) -> None:
        """The objects one after the other, as one file."""
        try:
            async for attempt in stamina.retry_context(on=Unavailable, attempts=3, timeout=60):
                with attempt:
                    await self._join(store, keys, total, target)
        except BaseException as error:
            _discard(target)
            if is_full(error):
                raise StorageFull(f"there is no room left to fetch {target.name}") from error
            raise

    async def _join(self, store: Storage, keys: list[str], total: int, target: Path) -> None:
        done = 0
        file = await asyncio.to_thread(target.open, "wb")
        with file:
            for key in keys:
                if (local := store.local_path(key)) is not None:
                    done += await asyncio.to_thread(_append, local, file)
                    self._tell(done, total)
                    continue
                async for chunk in store.stream(key):
                    await asyncio.to_thread(file.write, chunk)
                    done += len(chunk)
                    self._tell(done, total)

    def _tell(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(done, total)


def _local_source(place: File, folder: Path) -> Source:
    path = place.local
    if not path.is_absolute():
        raise SourceUnreadable(f"the input {place.path!r} is not an absolute path")
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SourceUnreadable(f"the input {path} is a folder, not a file")
        if not stat.S_ISREG(mode):
            raise SourceUnreadable(f"the input {path} is not a regular file")
        with path.open("rb") as file:
            empty = not file.read(1)
    except (FileNotFoundError, NotADirectoryError):
        raise SourceNotFound(f"the input {path} does not exist") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceUnreadable(f"the input {path} can't be read: {reason}") from error
    _refuse_empty(0 if empty else 1, str(path))
    name = fitted_name(path.name)
    return Source(_speakable(path, folder / name), name)


def _speakable(path: Path, link: Path) -> Path:
    """`path`, or `link` as another way to it where it is not UTF-8: FFmpeg takes no other."""
    if readable(str(path)) == str(path):
        return path
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(path)
    return link


def renamed(location: str, source: Source) -> str | None:
    """What to tell of a local input after whose name its outputs can't be called; None: nothing."""
    parsed = parse_location(location)
    if not isinstance(parsed, File) or parsed.local.name == source.name:
        return None
    return f"the input's name is too long, or not UTF-8: outputs are called after {source.name!r}"


def _refuse_empty(size: int, name: str) -> None:
    if size == 0:
        raise EmptySource(f"the input {name} is empty")


@contextmanager
def _source_errors(location: str) -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        raise SourceNotFound(f"the input {location} does not exist") from error
    except (BadRequest, Forbidden) as error:
        raise SourceUnreadable(
            f"the input {location} can't be read: {error.message}", internal=error.internal
        ) from error


def _append(source: Path, target: BinaryIO) -> int:
    with source.open("rb") as reader:
        before = target.tell()
        copy_bytes(reader, target)
        target.seek(0, os.SEEK_END)
        return target.tell() - before


def _discard(path: Path) -> None:
    path.unlink(missing_ok=True)
