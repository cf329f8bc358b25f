"""The least pace at which the body of a request must come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

START_S = 30.0
"""Time for the beginning, on top of what the pace allows."""
BYTES_PER_S = 1024
SILENCE_S = 60.0
"""The longest time in which nothing comes, however much has come before."""


def paced(
    receive: Receive,
    start_s: float = START_S,
    silence_s: float = SILENCE_S,
    now: Callable[[], float] = time.monotonic,
) -> Receive:
    """`receive` that raises an `HTTPException` (408) once the wait for the body has taken longer
    than `start_s` and a second for each KiB, or `silence_s` at a stretch.

    Only the time counts in which the client owes bytes: neither that in which the handler does not
    ask for them, nor any after the body's end.
    """
    waited, came, more = 0.0, 0, True

    async def receive_in_time() -> Message:
        nonlocal waited, came, more
        if not more:
            return await receive()
        left = start_s + came / BYTES_PER_S - waited
        began = now()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, min(left, silence_s)))
        except TimeoutError:
            # FastAPI takes any other exception for a fault of the body's JSON.
            raise HTTPException(
                408,
                f"the request's body came too slowly: {came} bytes in {waited + now() - began:.0f} "
                f"s of waiting; at least {BYTES_PER_S} a second are taken",
            ) from None
        waited += now() - began
        came += len(message.get("body", b""))
        more = bool(message.get("more_body", False))
        return message

    return receive_in_time
