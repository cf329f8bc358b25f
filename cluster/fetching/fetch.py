"""The only HTTP client that follows URLs that a user gave.

A name is resolved once, every address that it has must be global, and the checked address is the
one dialled, so that no second look-up can point elsewhere; Host header and TLS keep the name.
Each redirect goes the same way (`reelyard.cluster.fetching.checked_transport`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import httpx2
import stamina

from reelyard.cluster.errors import (
    LimitExceeded,
    OutputUnwritable,
    SourceForbidden,
    SourceNotFound,
    SourceUnreadable,
    StorageFull,
    TimedOut,
)
from reelyard.cluster.fetching.checked_transport import (
    CheckedBackend,
    CheckedTransport,
    Resolver,
    resolve,
)
from reelyard.cluster.fetching.content_decoding import ContentDecoder, ContentError
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage.atomic_files import is_full
from reelyard.cluster.storage.filenames import disposition_filename, safe_name
from reelyard.cluster.storage.protocol import CHUNK_BYTES
from reelyard.cluster.url_secrets import without_secrets

type OnBytes = Callable[[int, int | None], None]
"""Called now and then with the bytes so far and the total, where that is known."""

_ATTEMPTS = 3
_TRANSIENT_STATUS = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Fetched:
    """What a download brought."""

    size: int
    """Bytes, decoded."""
    content_type: str
    """Without parameters; empty if the server named none."""
    filename: str
    """From Content-Disposition, else from the URL that answered; safe as a file name."""


@cache
def _system_tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


@dataclass(frozen=True)
class Network:
    """How names become addresses, and which certificates are believed."""

    resolver: Resolver = resolve
    ssl_context: ssl.SSLContext = field(default_factory=_system_tls)


class _Transient(Exception):
    """Worth another try; carries what to raise when there is none left."""

    def __init__(self, error: SourceUnreadable) -> None:
        self.error = error
        super().__init__(error.message)


async def download(
    url: str,
    path: Path,
    settings: Settings,
    progress: OnBytes | None = None,
    *,
    network: Network | None = None,
) -> Fetched:
    """Fetch `url` into the file `path`, which is there only if all of it came.

    Raises `SourceForbidden` (scheme, address), `SourceNotFound` (404, 410), `SourceUnreadable`
    (network, other answers, after 3 tries), `LimitExceeded` (bytes), `TimedOut`, `StorageFull`.
    """
    checked = _parse(url)

    async def once() -> Fetched:
        async with _client(settings, network or Network()) as client:
            return await _get(client, checked, path, settings, progress)

    return await _persist(once, url, settings)


async def upload(
    url: str,
    path: Path,
    settings: Settings,
    *,
    content_type: str = "application/octet-stream",
    progress: OnBytes | None = None,
    network: Network | None = None,
) -> None:
    """PUT the file at `path` to `url` (a presigned URL, say). Redirects are not followed.

    Raises `OutputUnwritable` naming the destination, `TimedOut`.
    """

    async def once() -> None:
        async with _client(settings, network or Network()) as client:
            await _put(client, checked, path, content_type, progress)

    try:
        checked = _parse(url)
        await _persist(once, url, settings)
    except (SourceForbidden, SourceNotFound, SourceUnreadable) as error:
        raise OutputUnwritable(
            f"the output {without_secrets(url)} can't be written: {error.message}",
            internal=error.internal,
        ) from error


async def _persist[T](once: Callable[[], Awaitable[T]], url: str, settings: Settings) -> T:
    limit_s = settings.fetch_total_timeout_s
    try:
        async with asyncio.timeout(limit_s):
            async for attempt in stamina.retry_context(
                on=_Transient, attempts=_ATTEMPTS, timeout=None, wait_initial=0.2, wait_max=3
            ):
                with attempt:
                    return await once()
    except TimeoutError as error:
        raise TimedOut(f"{without_secrets(url)} took longer than {limit_s:g} s") from error
    except _Transient as error:
        raise error.error from error
    raise AssertionError("stamina raises the last error")


def _parse(url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url)
        host = parsed.host
    except (httpx2.InvalidURL, ValueError):
        # The reason may quote a password that was not written as URLs want it.
        raise SourceUnreadable(f"{without_secrets(url)!r} is not a URL") from None
    if parsed.scheme not in ("http", "https"):
        raise SourceForbidden(
            f"the scheme {parsed.scheme!r} can't be fetched; allowed: http, https"
        )
    if not host:
        raise SourceUnreadable(f"{without_secrets(url)!r} names no host")
    return parsed


@asynccontextmanager
async def _client(settings: Settings, network: Network) -> AsyncIterator[httpx2.AsyncClient]:
    backend = CheckedBackend(settings.fetch_allow_hosts, network.resolver)
    async with httpx2.AsyncClient(
        transport=CheckedTransport(backend, network.ssl_context),
        trust_env=False,
        max_redirects=settings.fetch_max_redirects,
        timeout=httpx2.Timeout(
            settings.fetch_read_timeout_s, connect=settings.fetch_connect_timeout_s
        ),
        headers={"user-agent": "reelyard", "accept": "*/*", "accept-encoding": "identity"},
    ) as client:
        yield client


async def _get(
    client: httpx2.AsyncClient,
    url: httpx2.URL,
    path: Path,
    settings: Settings,
    progress: OnBytes | None,
) -> Fetched:
    where = without_secrets(str(url))
    with _http_errors(where):
        async with client.stream("GET", url, follow_redirects=True) as response:
            _check_status(response, where)
            decoder = ContentDecoder(response.headers.get("content-encoding", ""))
            total = None
            if decoder.plain and "content-length" in response.headers:
                total = int(response.headers["content-length"])
            _check_size(total or 0, settings.fetch_max_bytes, where)
            size = await _save(
                _decoded(response, decoder), path, where, settings.fetch_max_bytes, total, progress
            )
            return Fetched(
                size=size,
                content_type=response.headers.get("content-type", "").partition(";")[0].strip(),
                filename=_filename(response),
            )


async def _decoded(response: httpx2.Response, decoder: ContentDecoder) -> AsyncIterator[bytes]:
    async for raw in response.aiter_raw(CHUNK_BYTES):
        for piece in decoder.decode(raw):
            yield piece
    decoder.finish()


async def _save(
    body: AsyncIterator[bytes],
    path: Path,
    where: str,
    max_bytes: int,
    total: int | None,
    progress: OnBytes | None,
) -> int:
    """Write the decoded body to `path`; on any error nothing is left there."""
    size = 0
    try:
        file = await asyncio.to_thread(path.open, "wb")
        with file:
            async for chunk in body:
                size += len(chunk)
                _check_size(size, max_bytes, where)
                await asyncio.to_thread(file.write, chunk)
                if progress is not None:
                    progress(size, total)
            await asyncio.to_thread(file.flush)
    except BaseException as error:
        _discard(path)
        if is_full(error):
            raise StorageFull("there is no room left to fetch the input") from error
        raise
    return size


def _discard(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _put(
    client: httpx2.AsyncClient,
    url: httpx2.URL,
    path: Path,
    content_type: str,
    progress: OnBytes | None,
) -> None:
    total = (await asyncio.to_thread(path.stat)).st_size

    async def body() -> AsyncIterator[bytes]:
        sent = 0
        file = await asyncio.to_thread(path.open, "rb")
        with file:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk
                sent += len(chunk)
                if progress is not None:
                    progress(sent, total)

    where = without_secrets(str(url))
    headers = {"content-type": content_type, "content-length": str(total)}
    with _http_errors(where):
        response = await client.put(url, content=body(), headers=headers, follow_redirects=False)
        _check_status(response, where)


def _check_status(response: httpx2.Response, where: str) -> None:
    status = response.status_code
    if response.is_success and status != httpx2.codes.PARTIAL_CONTENT:  # no range was asked for
        return
    if status in (httpx2.codes.NOT_FOUND, httpx2.codes.GONE):
        raise SourceNotFound(f"there is nothing at {where} (the server answered {status})")
    error = SourceUnreadable(f"{where} can't be used: the server answered {status}")
    raise _Transient(error) if status in _TRANSIENT_STATUS else error


def _check_size(size: int, max_bytes: int, where: str) -> None:
    if size > max_bytes:
        raise LimitExceeded(f"{where} has more than {max_bytes} bytes, the most that is fetched")


@contextmanager
def _http_errors(where: str) -> Iterator[None]:
    try:
        yield
    except httpx2.TimeoutException as error:
        raise TimedOut(f"{where} did not answer in time", internal=repr(error)) from error
    except httpx2.TooManyRedirects as error:
        raise SourceUnreadable(f"{where} redirects too often") from error
    except httpx2.UnsupportedProtocol as error:
        raise SourceForbidden(
            f"{where} redirects to a scheme that can't be fetched; allowed: http, https"
        ) from error
    except httpx2.InvalidURL as error:
        raise SourceUnreadable(
            f"{where} answers with nonsense: {type(error).__name__}", internal=str(error)
        ) from error
    except ContentError as error:
        unreadable = SourceUnreadable(f"{where} can't be used: {error}")
        raise (_Transient(unreadable) if error.cut else unreadable) from error
    except httpx2.RequestError as error:
        if _is_untrusted(error):
            raise SourceUnreadable(f"{where} has no valid certificate") from error
        raise _Transient(
            SourceUnreadable(f"the connection to {where} failed", internal=repr(error))
        ) from error


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _filename(response: httpx2.Response) -> str:
    header = response.headers.get("content-disposition", "")
    name = disposition_filename(header) or unquote(response.url.path)
    return safe_name(name.rstrip("/"), fallback="download")
