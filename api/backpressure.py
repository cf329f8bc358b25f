"""A bound on what Ray Serve reads ahead of a request's handler."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Scope, Send

MESSAGES_AHEAD = 8
"""Pieces of a request body (64 KiB each) that Serve may read before its handler asks."""


class BoundedReceive:
    """ASGI middleware: gives uploads back-pressure.

    Serve 2.60 notices a client that goes away by reading its whole body into an unbounded queue;
    with a bound, it stops reading until the handler catches up.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        waiting = getattr(receive, "queue", None)
        if isinstance(waiting, asyncio.Queue) and hasattr(receive, "_queue"):
            bounded: asyncio.Queue[Any] = asyncio.Queue(max(MESSAGES_AHEAD, waiting.qsize()))
            while not waiting.empty():
                bounded.put_nowait(waiting.get_nowait())
            receive._queue = bounded  # noqa: SLF001  there is no other way in
        await self._app(scope, receive, send)
