"""A bound on what Ray Serve reads ahead of a request's handler, and on how long that waits."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Scope, Send

from cluster.errors import InvalidInput

MESSAGES_AHEAD = 8
"""Pieces of a request body (64 KiB each) that may wait before Serve reads no more."""
STALL_S = 60.0
"""A client that sends nothing of its body for so long holds a place that others wait for."""
_READERS = ("_receive", "_receive_asgi_messages")
"""What Serve 2.60's receivers read with: behind HAProxy, and behind Serve's own proxy."""


class BoundedReceive:
    """ASGI middleware: gives uploads back-pressure, and ends those that stand still.

    Serve 2.60 notices a client that goes away by reading its whole body into an unbounded queue;
    here it stops reading until the handler catches up. (Its own proxy, in a process of its own,
    still takes whatever the client sends.) Reading a body in which nothing comes for `stall_s`
    seconds raises `InvalidInput`.
    """

    def __init__(self, app: ASGIApp, stall_s: float = STALL_S) -> None:
        self._app = app
        self._stall_s = stall_s

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

        more = True

        async def take() -> Message:
            nonlocal more
            try:
                # Behind the body there is only the client's leaving to wait for.
                message: Message = await asyncio.wait_for(
                    receive(), self._stall_s if more else None
                )
            except TimeoutError:
                raise InvalidInput(
                    f"nothing of the request's body came for {self._stall_s:g} s"
                ) from None
            more = message.get("more_body", False)
            taken.set()
            return message

        setattr(receive, reader, read_when_wanted)
        await self._app(scope, take, send)
