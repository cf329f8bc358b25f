"""What Ray Serve's own proxy is given: it takes requests where there is no HAProxy, and where
HAProxy turns to it."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelyard.api.serving import uvicorn_guard
from reelyard.api.serving.not_ready import body_for
from reelyard.cluster.runtime.haproxy_rules import NOT_ANSWERED, RETRY_AFTER_S


class NotReadyAnswers:
    """ASGI middleware: what Serve says of a path that it has no route or replica for yet, in plain
    text, becomes 503 in the words of the path's dialect. The apps' own errors are JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        replaced = False

        async def outgoing(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and _is_serves_own(message):
                replaced = True
                await _say_not_ready(scope, send)
            elif not replaced:
                await send(message)

        await self._app(scope, receive, outgoing)


def _is_serves_own(message: Message) -> bool:
    kind = Headers(raw=message["headers"]).get("content-type", "")
    return message["status"] in NOT_ANSWERED and kind.startswith("text/plain")


async def _say_not_ready(scope: Scope, send: Send) -> None:
    body = body_for(scope["path"])
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(RETRY_AFTER_S).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})


def for_serve() -> list[Middleware]:
    """What Serve calls in its proxy's process, before the proxy starts: uvicorn's guard, and the
    middleware to put around the proxy."""
    uvicorn_guard.install()
    return [Middleware(NotReadyAnswers)]
