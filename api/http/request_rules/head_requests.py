"""HEAD, which every path takes that takes GET: the same answer without its body (RFC 9110, section
9.3.2), so that a client may look before it reads."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Message, Receive, Scope, Send


def as_get(scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Receive, Send]:
    """What is asked of the app for a request: for a HEAD that no route of its own answers, a GET
    of which the body is not sent. `scope` has the `app`."""
    if scope["method"] != "HEAD" or _answers(scope, scope["app"].routes):
        return scope, receive, send
    head = _WithoutBody(receive, send)
    return {**scope, "method": "GET"}, head.receive, head.send


class _WithoutBody:
    """The channels of a GET that a HEAD asked for: its head is sent on, and then it is over, for an
    event stream, too."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._told = False

    async def receive(self) -> Message:
        """The request; once it is answered, its client is gone."""
        return {"type": "http.disconnect"} if self._told else await self._receive()

    async def send(self, message: Message) -> None:
        """The head of the answer, and an empty body."""
        if self._told:
            return
        await self._send(message)
        if message["type"] == "http.response.start":
            self._told = True
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _answers(scope: Scope, routes: Iterable[BaseRoute]) -> bool:
    for route in routes:
        match, child = route.matches(scope)
        if match is not Match.FULL:
            continue
        # A mounted app takes every method; its own routes say which.
        return _answers({**scope, **child}, route.routes) if isinstance(route, Mount) else True
    return False
