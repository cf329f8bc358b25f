"""A store on a local or shared disk.

Written here and not with obstore's LocalStore, which neither syncs to disk nor takes names that
end in `#` and digits (object_store 0.12).
"""

from __future__ import annotations

import asyncio
import fcntl
import filecmp
import os
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR
from typing import BinaryIO, override

from reelyard.cluster.errors import Conflict, NotFound, StorageFull, Unavailable
from reelyard.cluster.folders.free_space import free_of
from reelyard.cluster.storage.atomic_files import finish, is_full, place, sync_folder
from reelyard.cluster.storage.key_rules import TEMP_PREFIX, check_key, check_prefix
from reelyard.cluster.storage.protocol import CHUNK_BYTES, Method, ObjectInfo, Storage
from reelyard.cluster.storage.streams import coalesce, limit

_LIST_BATCH = 1000


class LocalStorage(Storage):
    """A folder. Files are written beside their place, synced, then renamed or linked."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.url = self.root.as_uri()

    @override
    async def free_bytes(self) -> int | None:
        return await asyncio.to_thread(free_of, self.root)

    @override
    async def put_stream(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        max_bytes: int | None = None,
        content_type: str | None = None,
        filename: str | None = None,
        unless_overtaken: bool = False,
    ) -> ObjectInfo:
        path = self._path(key)
        file = await asyncio.to_thread(_open_temp, path)
        try:
            before = await asyncio.to_thread(_identity, path) if unless_overtaken else None
            async for chunk in coalesce(limit(chunks, max_bytes)):
                await asyncio.to_thread(_guarded, key, file.write, chunk)
            if unless_overtaken:
                return await asyncio.to_thread(_publish_unless_overtaken, key, file, path, before)
            return await asyncio.to_thread(_publish, key, file, path)
        except BaseException:
            _discard(file)
            raise

    @override
    async def put_file(
        self,
        key: str,
        path: Path,
        *,
        consume: bool = False,
        content_type: str | None = None,
        filename: str | None = None,
    ) -> ObjectInfo:
        return await asyncio.to_thread(_put_file, key, path, self._path(key), consume)

    @override
    async def put_if_absent(self, key: str, data: bytes) -> bool:
        return await asyncio.to_thread(_put_if_absent, key, data, self._path(key))

    @override
    async def get(self, key: str) -> bytes:
        with _errors(key):
            return await asyncio.to_thread(self._path(key).read_bytes)

    @override
    async def stream(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        with _errors(key):
            file = await asyncio.to_thread(self._path(key).open, "rb")
            with file:
                file.seek(start)
                left = None if end is None else max(0, end - start)
                while left is None or left > 0:
                    size = CHUNK_BYTES if left is None else min(CHUNK_BYTES, left)
                    if not (chunk := await asyncio.to_thread(file.read, size)):
                        return
                    left = None if left is None else left - len(chunk)
                    yield chunk

    @override
    async def download(self, key: str, path: Path) -> ObjectInfo:
        source = self._path(key)
        await asyncio.to_thread(_put_file, key, source, path, False)
        return await asyncio.to_thread(_info, key, source)

    @override
    async def head(self, key: str) -> ObjectInfo | None:
        path = self._path(key)
        try:
            return await asyncio.to_thread(_info, key, path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    @override
    async def batches(self, prefix: str = "") -> AsyncIterator[list[ObjectInfo]]:
        walk = self._walk(check_prefix(prefix))
        while batch := await asyncio.to_thread(_take, walk, _LIST_BATCH):
            yield batch

    @override
    async def folders(self, prefix: str = "") -> set[str]:
        folder = self.root / check_prefix(prefix)

        def names() -> set[str]:
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
                return {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
            return set()

        return await asyncio.to_thread(names)

    @override
    async def delete(self, keys: Iterable[str]) -> None:
        paths = [self._path(key) for key in keys]
        await asyncio.to_thread(self._delete, paths)

    @override
    async def copy(self, src: str, dst: str) -> None:
        await asyncio.to_thread(_link_file, src, self._path(src), self._path(dst))

    @override
    async def sign(
        self, method: Method, key: str, ttl_s: float, filename: str | None = None
    ) -> None:
        return None

    @override
    def local_path(self, key: str) -> Path:
        return self._path(key)

    def sweep_temp(self, before_ms: int) -> int:
        """Delete unfinished files that nobody has written to since `before_ms`; how many."""
        gone = 0
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                with suppress(OSError):
                    if name.startswith(TEMP_PREFIX) and _mtime_ms(path) < before_ms:
                        path.unlink()
                        gone += 1
        return gone

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _delete(self, paths: list[Path]) -> None:
        for path in paths:
            with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                path.unlink()
            # Empty folders go too; a put that loses its folder so makes it again.
            with suppress(OSError):
                for folder in path.parents:
                    if folder == self.root:
                        break
                    folder.rmdir()

    def _walk(self, prefix: str) -> Iterator[ObjectInfo]:
        for folder, _, names in os.walk(self.root / prefix):
            for name in names:
                path = Path(folder, name)
                if not name.startswith(TEMP_PREFIX):
                    with suppress(FileNotFoundError):
                        yield _info(path.relative_to(self.root).as_posix(), path)


@contextmanager
def _errors(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound(f"there is no object {key!r}") from None
    except (NotADirectoryError, IsADirectoryError, FileExistsError):
        raise Conflict(f"{key!r} is partly a folder, partly an object") from None
    except OSError as error:
        if is_full(error):
            raise StorageFull(f"there is no room left to store {key!r}") from error
        raise Unavailable(
            f"the store can't be used now for {key!r}: {error.strerror}", internal=str(error)
        ) from error


def _guarded[**P, T](key: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    with _errors(key):
        return call(*args, **kwargs)


def _open_temp(path: Path) -> BinaryIO:
    temp = path.with_name(f"{TEMP_PREFIX}{secrets.token_hex(8)}")
    for _ in range(3):
        with suppress(FileNotFoundError), _errors_but_missing(path.name):
            path.parent.mkdir(parents=True, exist_ok=True)
            return temp.open("xb")
    raise Unavailable(f"the folder of {path.name!r} keeps vanishing")


@contextmanager
def _errors_but_missing(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        with _errors(key):
            raise error from None


def _publish(key: str, file: BinaryIO, path: Path) -> ObjectInfo:
    with _errors(key):
        file.close()
        finish(Path(file.name), path)
        return _info(key, path)


def _publish_unless_overtaken(
    key: str, file: BinaryIO, path: Path, before: str | None
) -> ObjectInfo:
    """Publish if `path` is still what it was `before`, or holds the same bytes."""
    with _errors(key):
        file.flush()
        os.fsync(file.fileno())  # before the lock: this is what takes time
        with _locked(path.parent):
            if _identity(path) == before:
                return _publish(key, file, path)
        if not path.is_file() or not filecmp.cmp(file.name, path, shallow=False):
            raise Conflict(f"{key!r} was stored by another request while this one was under way")
        _discard(file)
        return _info(key, path)


def _identity(path: Path) -> str | None:
    """What tells an object from the one that replaces it; None: there is none."""
    with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return _info("", path).etag
    return None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes out that lock the same folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems lock no folder.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _put_file(key: str, source: Path, path: Path, consume: bool) -> ObjectInfo:
    with _errors(key):
        if not (consume and _move_in(source, path)):
            file = _open_temp(path)
            file.close()
            place(source, Path(file.name), path, consume=consume)
        return _info(key, path)


def _move_in(source: Path, path: Path) -> bool:
    """Give a whole file its place, synced to disk. False: it is on another disk, or something else
    is in the way, and nothing has changed."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        finish(source, path)
        return True
    return False


def _link_file(key: str, source: Path, path: Path) -> None:
    """The same bytes under another name: a link where the disk has them, as no object is ever
    written to."""
    with _errors(key):
        file = _open_temp(path)
        temp = Path(file.name)
        _discard(file)
        try:
            os.link(source, temp)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise
        except OSError:
            place(source, temp, path, consume=False)
            return
        finish(temp, path)
        # A rename between two names of one file does nothing (POSIX).
        temp.unlink(missing_ok=True)


def _discard(file: BinaryIO) -> None:
    """Close and delete; quick and without an await, so that a cancellation can't skip it."""
    file.close()
    Path(file.name).unlink(missing_ok=True)


def _put_if_absent(key: str, data: bytes, path: Path) -> bool:
    with _errors(key):
        file = _open_temp(path)
        try:
            with file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.link(file.name, path)
        except FileExistsError:
            return False
        finally:
            _discard(file)
        sync_folder(path.parent)
        return True


def _info(key: str, path: Path) -> ObjectInfo:
    stat = path.stat()
    if S_ISDIR(stat.st_mode):
        raise IsADirectoryError(key)
    return ObjectInfo(
        key=key,
        size=stat.st_size,
        modified_ms=stat.st_mtime_ns // 1_000_000,
        etag=f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}",
    )


def _mtime_ms(path: Path) -> int:
    return path.stat().st_mtime_ns // 1_000_000


def _take[T](items: Iterator[T], count: int) -> list[T]:
    return [item for item, _ in zip(items, range(count), strict=False)]
