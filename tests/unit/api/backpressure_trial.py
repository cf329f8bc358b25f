"""How far Serve's own receiver reads ahead, with our bound and without; prints JSON.

A script of its own: Ray Serve reads its environment once, at import, and must not do so in the
process of other tests.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ray.serve._private.direct_ingress_http_util import ASGIDIReceiveProxy

from api.backpressure import BoundedReceive

SCOPE: dict[str, Any] = {"type": "http"}


class Client:
    """Sends a body of 1,000 pieces as fast as they are read, then goes away."""

    def __init__(self) -> None:
        self.read = 0

    async def receive(self) -> dict[str, Any]:
        if self.read == 1000:
            return {"type": "http.disconnect"}
        self.read += 1
        return {"type": "http.request", "body": b"x", "more_body": self.read < 1000}


async def serve(app: Any) -> int:
    """Pieces that had been read when `app` was done."""
    client = Client()
    proxy = ASGIDIReceiveProxy(SCOPE, client.receive, asyncio.get_running_loop())
    reading = proxy.fetch_until_disconnect_task()
    await app(SCOPE, proxy, None)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return client.read


async def main() -> None:
    seen = 0

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.05)

    async def whole(scope: Any, receive: Any, send: Any) -> None:
        nonlocal seen
        while (await receive())["type"] == "http.request":
            seen += 1

    found = {"bound": await serve(BoundedReceive(slow)), "free": await serve(slow)}
    await serve(BoundedReceive(whole))
    print(json.dumps(found | {"whole": seen}))


if __name__ == "__main__":
    asyncio.run(main())
