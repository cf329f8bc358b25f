"""A trial of how far Serve's receivers read ahead, with our bound and without; prints JSON.

A script of its own: Ray Serve reads its environment once, at import, and must not do so in the
process of other tests.
"""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

from ray.serve._private.direct_ingress_http_util import ASGIDIReceiveProxy
from ray.serve._private.http_util import ASGIReceiveProxy

from reelyard.api.http.backpressure import BoundedReceive

SCOPE: dict[str, Any] = {"type": "http"}
PIECES, AT_ONCE = 1000, 20
PATIENCE_S = 10.0


class Client:
    """Sends a body of 1,000 pieces as fast as they are read, then goes away."""

    def __init__(self) -> None:
        self.read = 0

    async def receive(self) -> dict[str, Any]:
        """The next piece, as a proxy that runs beside the app reads it."""
        if self.read == PIECES:
            return {"type": "http.disconnect"}
        self.read += 1
        return {"type": "http.request", "body": b"x", "more_body": self.read < PIECES}

    async def receive_many(self, metadata: object) -> bytes:
        """The next pieces, as Serve's Python proxy hands them from its process to the app's."""
        await asyncio.sleep(0)
        return pickle.dumps([await self.receive() for _ in range(AT_ONCE)])


async def beside(app: Any) -> int:
    """Pieces that had been read when `app` behind HAProxy was done."""
    client = Client()
    proxy = ASGIDIReceiveProxy(SCOPE, client.receive, asyncio.get_running_loop())
    await _serve(app, proxy, proxy.fetch_until_disconnect_task())
    return client.read


async def afar(app: Any) -> int:
    """Pieces that had been read when `app` behind Serve's Python proxy was done."""
    client = Client()
    metadata: Any = None
    many: Any = client.receive_many
    proxy = ASGIReceiveProxy(SCOPE, metadata, many)
    await _serve(app, proxy, asyncio.create_task(proxy.fetch_until_disconnect()))
    return client.read


async def _serve(app: Any, receive: Any, reading: asyncio.Task[Any]) -> None:
    try:
        await asyncio.wait_for(app(SCOPE, receive, None), PATIENCE_S)
    except TimeoutError:
        pass
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def main() -> None:
    seen = 0

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        # In turns of the loop, not in seconds: a busy machine reads as much in them.
        for _ in range(10 * PIECES):
            await asyncio.sleep(0)

    async def whole(scope: Any, receive: Any, send: Any) -> None:
        nonlocal seen
        while (await receive())["type"] == "http.request":
            seen += 1
            if seen % 100 == 0:
                await asyncio.sleep(0.001)

    found: dict[str, Any] = {}
    for name, serve in (("beside", beside), ("afar", afar)):
        found[name] = {"bound": await serve(BoundedReceive(slow)), "free": await serve(slow)}
        seen = 0
        await serve(BoundedReceive(whole))
        found[name]["whole"] = seen
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
