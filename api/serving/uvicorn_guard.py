"""uvicorn's HTTP protocol with a time limit for a request's head, and trailers that are no headers.

Ray Serve 2.60 starts uvicorn itself, in its replicas and in its own proxy, and sets neither. The
guard takes the place of the protocol that uvicorn chooses by itself.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http import auto
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 20.0
"""Time for a whole head, from the connection or from the head's first byte; longer than HAProxy's,
which answers before its connection is closed."""


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn 0.54's protocol, but a connection that brings no whole head in time is closed, and
    the trailers of a chunked body (RFC 9112, 7.1.2) are dropped."""

    _in_body = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_body = False
        self._await_head()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        # uvicorn would add them to the headers that the app has already been given.
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_body = True
        self._head_is_there()
        super().on_headers_complete()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self._give_up)

    def _head_is_there(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete:
            self.transport.close()
        else:
            # The answer to an earlier request on this connection is still on its way.
            self._await_head()


def install() -> None:
    """Make uvicorn take the guard wherever it chooses its protocol by itself."""
    auto.AutoHTTPProtocol = GuardedProtocol
