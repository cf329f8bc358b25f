"""Object stores (S3, Google Cloud Storage, Azure) and memory, through obstore."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, override
from urllib.parse import urlsplit

import obstore
import stamina
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, MemoryStore, S3Store, from_url

from reelyard.cluster.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    ReelyardError,
    Unavailable,
)
from reelyard.cluster.storage.filenames import content_disposition
from reelyard.cluster.storage.key_rules import check_key, check_prefix
from reelyard.cluster.storage.local import LocalStorage
from reelyard.cluster.storage.protocol import (
    CHUNK_BYTES,
    OBJECT_STORE_SCHEMES,
    Method,
    ObjectInfo,
    Storage,
)
from reelyard.cluster.storage.streams import coalesce, limit, pour

if TYPE_CHECKING:
    from obstore import Attributes, GetOptions, ObjectMeta
    from obstore.store import ObjectStore

PART_BYTES = 8 << 20
"""Part of a multipart put. S3 takes 10,000 parts: objects up to 80 GiB."""
_PARTS_AT_ONCE = 3
_LIST_BATCH = 1000

_CLIENT_OPTIONS = frozenset(
    {
        "allow_http", "allow_invalid_certificates", "connect_timeout", "http1_only", "http2_only",
        "pool_idle_timeout", "pool_max_idle_per_host", "proxy_url", "proxy_excludes",
        "proxy_ca_certificate", "randomize_addresses", "read_timeout", "root_certificate",
        "timeout", "user_agent",
    }
)  # fmt: skip
_memories: dict[str, MemoryStore] = {}


class RemoteStorage(Storage):
    """A bucket (with a prefix), or memory."""

    def __init__(self, url: str, options: dict[str, str]) -> None:
        self.url = url
        self.options = options
        self._store = _open_store(url, options)
        # MemoryStore would keep attributes too, but nothing reads them there.
        self._attributed = not isinstance(self._store, MemoryStore)

    def __reduce__(self) -> tuple[Any, ...]:
        # The connections of a store stay where they are.
        return RemoteStorage, (self.url, self.options)

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
        check_key(key)
        attributes = self._attributes(content_type, filename)
        if unless_overtaken:
            chunks = self._unless_overtaken(key, await self.head(key), chunks)
        parts = coalesce(limit(chunks, max_bytes), PART_BYTES)
        first = await anext(parts, b"")
        if len(first) < PART_BYTES:
            await self._retried(
                key, lambda: obstore.put_async(self._store, key, first, attributes=attributes)
            )
            return await self._known(key)

        async def put(whole: AsyncIterable[bytes]) -> object:
            return await obstore.put_async(
                self._store,
                key,
                whole,
                attributes=attributes,
                chunk_size=PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )

        # In a task of its own: obstore ends the multipart upload on an error in the stream, but
        # would leave its parts behind on a cancellation.
        with _errors(key):
            await pour(_chain(first, parts), put, depth=1)
        return await self._known(key)

    async def _unless_overtaken(
        self, key: str, before: ObjectInfo | None, chunks: AsyncIterable[bytes]
    ) -> AsyncIterator[bytes]:
        """The same chunks; `Conflict` behind them if another object has that key by then."""
        async for chunk in chunks:
            yield chunk
        if await self.head(key) != before:
            raise Conflict(f"{key!r} was stored by another request while this one was under way")

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
        check_key(key)
        if not await asyncio.to_thread(path.is_file):
            raise NotFound(f"there is no file {path.name!r} to store as {key!r}")
        await self._retried(
            key,
            lambda: obstore.put_async(
                self._store,
                key,
                path,
                attributes=self._attributes(content_type, filename),
                chunk_size=PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            ),
        )
        return await self._known(key)

    @override
    async def put_if_absent(self, key: str, data: bytes) -> bool:
        check_key(key)
        try:
            await self._retried(
                key, lambda: obstore.put_async(self._store, key, data, mode="create")
            )
        except AlreadyExistsError:
            return False
        return True

    @override
    async def get(self, key: str) -> bytes:
        check_key(key)

        async def read() -> bytes:
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())

        return await self._retried(key, read)

    @override
    async def stream(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        check_key(key)
        if end is not None and end <= start:
            return
        wanted: GetOptions = {}
        if end is not None:
            wanted = {"range": (start, end)}
        elif start:
            # An offset at or behind the end is an error to a store, an empty stream to us.
            if start >= (await self._known(key)).size:
                return
            wanted = {"range": {"offset": start}}
        result = await self._retried(
            key, lambda: obstore.get_async(self._store, key, options=wanted)
        )
        with _errors(key):
            async for chunk in result.stream(min_chunk_size=CHUNK_BYTES):
                yield chunk

    @override
    async def download(self, key: str, path: Path) -> ObjectInfo:
        info = await self._known(key)
        target = LocalStorage(path.parent)

        async def fetch() -> ObjectInfo:
            return await target.put_stream(path.name, self.stream(key))

        await self._retried(key, fetch)
        return info

    @override
    async def head(self, key: str) -> ObjectInfo | None:
        check_key(key)
        try:
            return await self._known(key)
        except NotFound:
            return None

    @override
    async def batches(self, prefix: str = "") -> AsyncIterator[list[ObjectInfo]]:
        found = obstore.list(self._store, check_prefix(prefix) or None, chunk_size=_LIST_BATCH)
        with _errors(prefix):
            async for batch in found:
                yield [_info(meta) for meta in batch]

    @override
    async def folders(self, prefix: str = "") -> set[str]:
        checked = check_prefix(prefix)
        listing = await self._retried(
            prefix,
            lambda: obstore.list_with_delimiter_async(
                self._store, f"{checked}/" if checked else None
            ),
        )
        return {str(folder).rstrip("/").rsplit("/", 1)[-1] for folder in listing["common_prefixes"]}

    @override
    async def delete(self, keys: Iterable[str]) -> None:
        wanted = [check_key(key) for key in keys]
        if not wanted:
            return

        async def drop() -> None:
            try:
                await obstore.delete_async(self._store, wanted)
            except FileNotFoundError:
                # Memory and GCS complain of the first key that is missing.
                for key in wanted:
                    await self._drop_one(key)

        await self._retried(wanted[0], drop)

    async def _drop_one(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return

    @override
    async def copy(self, src: str, dst: str) -> None:
        check_key(src)
        check_key(dst)
        await self._known(src)
        await self._retried(src, lambda: obstore.copy_async(self._store, src, dst))

    @override
    async def sign(
        self,
        method: Method,
        key: str,
        ttl_s: float,
        filename: str | None = None,
    ) -> str | None:
        check_key(key)
        if not isinstance(self._store, S3Store | GCSStore | AzureStore):
            return None
        store = self._store
        return await self._retried(
            key, lambda: obstore.sign_async(store, method, key, timedelta(seconds=ttl_s))
        )

    @override
    def local_path(self, key: str) -> None:
        return None

    async def _known(self, key: str) -> ObjectInfo:
        return _info(await self._retried(key, lambda: obstore.head_async(self._store, key)))

    async def _retried[T](self, key: str, call: Callable[[], Awaitable[T]]) -> T:
        """`call()`, tried again while the store is away; obstore's errors become ours."""
        async for attempt in stamina.retry_context(
            on=Unavailable, attempts=3, timeout=20, wait_initial=0.2, wait_max=3
        ):
            with attempt, _errors(key):
                return await call()
        raise AssertionError("stamina raises the last error")

    def _attributes(self, content_type: str | None, filename: str | None) -> Attributes | None:
        found: Attributes = {}
        if content_type:
            found["Content-Type"] = content_type
        if filename:
            found["Content-Disposition"] = content_disposition(filename)
        return found if found and self._attributed else None


@contextmanager
def _errors(key: str) -> Iterator[None]:
    try:
        yield
    except (ReelyardError, AlreadyExistsError):
        raise
    except FileNotFoundError:
        raise NotFound(f"there is no object {key!r}") from None
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise Forbidden(
            f"the object store refuses access to {key!r}", internal=str(error)
        ) from error
    except BaseError as error:
        raise Unavailable(
            f"the object store can't be reached now for {key!r}", internal=str(error)
        ) from error


async def _chain(first: bytes, rest: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _info(meta: ObjectMeta) -> ObjectInfo:
    modified_ms = int(meta["last_modified"].timestamp() * 1000)
    etag = (meta["e_tag"] or f"{modified_ms:x}-{meta['size']:x}").strip('"')
    return ObjectInfo(key=meta["path"], size=meta["size"], modified_ms=modified_ms, etag=etag)


def _open_store(url: str, options: dict[str, str]) -> ObjectStore:
    scheme = urlsplit(url).scheme
    if scheme not in OBJECT_STORE_SCHEMES:
        raise BadRequest(
            f"storage: {url!r} has an unknown scheme; allowed: file, s3, gs, az, memory"
        )
    if scheme == "memory":
        name = url.removeprefix("memory:").strip("/")
        return _memories.setdefault(name, MemoryStore()) if name else MemoryStore()
    client = {name: value for name, value in options.items() if name in _CLIENT_OPTIONS}
    config = {name: value for name, value in options.items() if name not in _CLIENT_OPTIONS}
    if any(value.startswith("http://") for value in config.values()):
        client.setdefault("allow_http", "true")
    make = cast("Callable[..., ObjectStore]", from_url)
    retry: dict[str, Any] = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
    try:
        return make(url, config=config, client_options=client, retry_config=retry)
    except (BaseError, ValueError) as error:
        reason = str(error).split("\n", 1)[0]
        raise BadRequest(f"storage: {url!r} can't be opened: {reason}") from error
