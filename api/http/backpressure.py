"""A bound on what Ray Serve reads ahead of a request's handler."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Scope, Send

MESSAGES_AHEAD = 8
"""Pieces of a request body (64 KiB each) that may wait before Serve reads no more."""
_READERS = ("_receive", "_receive_asgi_messages")
"""What Serve 2.60's receivers read with: behind HAProxy, and behind Serve's own proxy."""


class BoundedReceive:
    """ASGI middleware: gives uploads back-pressure.

    Serve 2.60 notices a client that goes away by reading its whole body into an unbounded queue;
    here it stops reading until the handler catches up. (Its own proxy, in a process of its own,
    still takes whatever the client sends.)
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        waiting = getattr(receive, "queue", None)
        reader = next((name for name in _READERS if hasattr(receive, name)), None)
        if reader is None or not isinstance(waiting, asyncio.Queue):
            await self._app(scope, receive, send)
            return
        read, taken = getattr(receive, reader), asyncio.Event()

        async def read_when_wanted(*args: Any) -> Any:
            # Not a queue with a limit: one of the receivers would break at its first full one.
            while waiting.qsize() >= MESSAGES_AHEAD:
                taken.clear()
                await taken.wait()
            return await read(*args)

        async def take() -> Message:
            message: Message = await receive()
            taken.set()
            return message

        setattr(receive, reader, read_when_wanted)
        await self._app(scope, take, send)
