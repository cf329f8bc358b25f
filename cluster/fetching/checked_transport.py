"""Connections to checked addresses only: the network end of `reelyard.cluster.fetching.fetch`."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, override

import httpcore2
import httpx2

from reelyard.cluster.errors import SourceForbidden, SourceUnreadable
from reelyard.cluster.fetching.address_checks import check_addresses

type Resolver = Callable[[str, int], Awaitable[list[str]]]
"""(host, port) to IP addresses, all of them. Raises OSError."""


async def resolve(host: str, port: int) -> list[str]:
    """Every address that the system's resolver knows for `host`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves once, refuses unless every address is global, dials what it checked.

    `allowed` holds `host:port` pairs that are exempt, IPv6 hosts in brackets.
    """

    def __init__(
        self,
        allowed: Iterable[str] = (),
        resolver: Resolver = resolve,
        dialler: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allowed = tuple(allowed)
        self._resolver = resolver
        self._dialler = dialler or httpcore2.AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolver(host, port)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"resolving {host} took too long") from error
        except (OSError, UnicodeError) as error:
            raise SourceUnreadable(
                f"the host {host!r} can't be resolved", internal=str(error)
            ) from error
        check_addresses(host, port, addresses, self._allowed)
        return await self._dial(addresses, port, timeout, local_address, socket_options)

    @override
    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        raise SourceForbidden("Unix sockets are not read from")

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _dial(
        self,
        addresses: list[str],
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore2.AsyncNetworkStream:
        for address in addresses[:-1]:
            with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return await self._dialler.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
        return await self._dialler.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )


class _Body(httpx2.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                yield part
        except httpcore2.TimeoutException as error:
            raise httpx2.ReadTimeout(str(error)) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise httpx2.ReadError(str(error)) from error

    @override
    async def aclose(self) -> None:
        if close := getattr(self._stream, "aclose", None):
            await close()


class CheckedTransport(httpx2.AsyncBaseTransport):
    """An httpx2 transport whose every connection goes through a `CheckedBackend`."""

    def __init__(self, backend: CheckedBackend, ssl_context: ssl.SSLContext) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context, network_backend=backend, max_connections=4
        )

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        url = request.url
        try:
            response = await self._pool.handle_async_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except httpcore2.TimeoutException as error:
            raise httpx2.ConnectTimeout(str(error)) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise httpx2.ConnectError(str(error)) from error
        except httpcore2.UnsupportedProtocol as error:
            raise httpx2.UnsupportedProtocol(str(error)) from error
        assert isinstance(response.stream, AsyncIterable)
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response.stream),
            extensions=response.extensions,
        )

    @override
    async def aclose(self) -> None:
        await self._pool.aclose()
