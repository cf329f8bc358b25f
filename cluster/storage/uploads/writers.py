"""Turns at writing an upload: one writer at a time, in all processes, and a newer one ends the old.

A client whose connection broke goes on by a new request, often before the server has noticed that
the old one is dead. So whoever comes next asks the writer before it to end: at once if its body
stands still, else after a moment in which it may finish. What had arrived by then is kept. In other
processes a writer is known by an object (`writer-<token>`), and asked by another (`stop-<token>`);
one that does not answer in time is dead, and its sign is taken away.

All this is courtesy: that no two writers can write the same bytes is the work of the commits (see
`records`), whoever is alive, frozen or slow.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

from cluster.errors import Conflict, ReelyardError
from cluster.storage.protocol import Storage

QUIET_S = 0.5
"""A writer that is asked to end does so once nothing has come for so long,"""
GRACE_S = 2.0
"""or after this time, though its body still flows."""
ANNOUNCE_S = 0.5
"""A writer that lasts longer tells other processes of itself, and looks as often whether they ask
it to end."""
PATIENCE_S = 5.0
"""A writer that was asked and has not ended by then is dead, or frozen."""
_LOOK_S = 0.1


class Turn:
    """A writer's time with an upload."""

    def __init__(self, storage: Storage, prefix: str) -> None:
        self.token = secrets.token_hex(8)
        self._storage = storage
        self._prefix = prefix
        self._done = asyncio.Event()
        self._reading: asyncio.Future[Any] | None = None
        self._last = time.monotonic()
        self._body_ended = False
        self._superseded = False
        self._helpers: list[asyncio.Task[None]] = []

    async def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns, which reads a body through `watch`.

        It is cancelled when somebody else's turn has come: then raises `Conflict`.
        """
        self._reading = reading = asyncio.ensure_future(work)
        self._last = time.monotonic()
        self._helpers.append(asyncio.create_task(self._announce()))
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            if reading.cancelled() and self._superseded:
                raise Conflict(
                    "another request has gone on with this upload; ask where it stands (HEAD)"
                ) from None
            reading.cancel()
            await asyncio.wait({reading})
            raise

    async def watch(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The same chunks, and whether they still come."""
        async for chunk in chunks:
            self._last = time.monotonic()
            yield chunk
        self._body_ended = True

    async def end(self) -> None:
        """Ask it to end, and wait until it has, or for `PATIENCE_S`."""
        self._ask()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), PATIENCE_S)

    async def close(self) -> None:
        """It is over."""
        self._done.set()
        for helper in self._helpers:
            helper.cancel()
        if self._helpers:
            await asyncio.wait(self._helpers)

    def _ask(self) -> None:
        if not self._superseded:
            self._superseded = True
            self._helpers.append(asyncio.create_task(self._give_way()))

    async def _give_way(self) -> None:
        asked = time.monotonic()
        while True:
            now = time.monotonic()
            left = min(max(asked, self._last) + QUIET_S, asked + GRACE_S) - now
            if left > 0:
                await asyncio.sleep(left)
            elif self._body_ended:
                return
            elif self._reading is not None:
                self._reading.cancel()
                return
            else:
                await asyncio.sleep(_LOOK_S)

    async def _announce(self) -> None:
        """Tell other processes of this writer, and hear when they ask it to end."""
        await asyncio.sleep(ANNOUNCE_S)
        mine, asked = signs(self._prefix, self.token)
        try:
            await self._storage.put_if_absent(mine, b"")
            while await self._storage.head(asked) is None:  # noqa: ASYNC110 - another process's
                await asyncio.sleep(ANNOUNCE_S)
            self._ask()
            await asyncio.Event().wait()
        except ReelyardError:
            return  # the store is away: the body will tell
        finally:
            with suppress(ReelyardError):
                await self._storage.delete([mine, asked])


class Writers:
    """The writers of all uploads in a store, as one process sees them."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._turns: dict[str, Turn] = {}

    @asynccontextmanager
    async def turn(self, prefix: str) -> AsyncIterator[Turn]:
        """The only turn of this process at the upload below `prefix`; the one before it ends."""
        await self.end_here(prefix)
        turn = self._turns[prefix] = Turn(self._storage, prefix)
        try:
            yield turn
        finally:
            if self._turns.get(prefix) is turn:
                del self._turns[prefix]
            await turn.close()

    def busy(self, prefix: str) -> bool:
        """Whether this process has a writer of the upload."""
        return prefix in self._turns

    async def end_here(self, prefix: str) -> bool:
        """Let this process's writer of the upload end; whether there was one."""
        found = False
        while (running := self._turns.get(prefix)) is not None:
            found = True
            await running.end()
            if self._turns.get(prefix) is running:  # it hangs in the store
                del self._turns[prefix]
        return found

    async def end_elsewhere(self, prefix: str, tokens: Iterable[str]) -> None:
        """Let writers of other processes end, or take their signs away. Raises `Unavailable`."""
        found = [signs(prefix, token) for token in tokens]
        for _, asked in found:
            await self._storage.put_if_absent(asked, b"")
        end = time.monotonic() + PATIENCE_S
        while found and time.monotonic() < end:
            await asyncio.sleep(_LOOK_S)
            found = [pair for pair in found if await self._storage.head(pair[0]) is not None]
        await self._storage.delete([key for pair in found for key in pair])


def signs(prefix: str, token: str) -> tuple[str, str]:
    """The objects by which a writer is known, and is asked to end."""
    return f"{prefix}writer-{token}", f"{prefix}stop-{token}"
