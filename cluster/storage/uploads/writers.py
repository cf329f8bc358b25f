"""Turns at writing an upload: one writer at a time, in all processes, and a newer one ends the old.

A client whose connection broke goes on by a new request, often before the server has noticed that
the old one is dead. So whoever comes next asks the writer before it to end. It does so at once if
its body stands still; if that flows, it gives way to a firm word only (of a client that asks where
the upload stands), and whoever wanted to write is refused. What had arrived is kept. In other
processes a writer is known by an object (`writer-<token>`), and asked by another (`stop-<token>`),
which it takes away when it has read it; where it does not, it is dead, and loses its turn.

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

from reelyard.cluster.errors import Conflict, NotFound, ReelyardError
from reelyard.cluster.storage.protocol import Storage

QUIET_S = 0.5
"""A writer that is asked to end does so once nothing has come for so long,"""
GRACE_S = 2.0
"""or, if asked firmly, after this time, though its body still flows."""
ANNOUNCE_S = 0.5
"""A writer that lasts longer tells other processes of itself, and looks as often whether they ask
it to end."""
PATIENCE_S = 5.0
"""A writer that was asked and has not ended by then is dead, or frozen."""
_LOOK_S = 0.1
_FIRM, _SOFT = b"firm", b"soft"


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
        self._asked_until = 0.0
        self._ends_at: float | None = None
        self._giving_way = False
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

    async def end(self, *, firm: bool) -> bool:
        """Ask it to end; whether it has within `PATIENCE_S`."""
        self._ask(firm=firm)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), PATIENCE_S)
        return self._done.is_set()

    async def close(self) -> None:
        """It is over."""
        self._done.set()
        for helper in self._helpers:
            helper.cancel()
        if self._helpers:
            await asyncio.wait(self._helpers)

    def _ask(self, *, firm: bool) -> None:
        now = time.monotonic()
        self._asked_until = now + PATIENCE_S
        if firm and self._ends_at is None:
            self._ends_at = now + GRACE_S
        if not self._giving_way:
            self._giving_way = True
            self._helpers.append(asyncio.create_task(self._give_way(now)))

    async def _give_way(self, asked: float) -> None:
        """Cancel the reading of a body that stands still, or flows beyond its time."""
        while not self._body_ended:
            now = time.monotonic()
            quiet = now >= max(asked, self._last) + QUIET_S
            overdue = self._ends_at is not None and now >= self._ends_at
            if (quiet or overdue) and self._reading is not None:
                self._superseded = True
                self._reading.cancel()
                return
            if self._ends_at is None and now >= self._asked_until:
                break  # it flows, and whoever asked has gone
            await asyncio.sleep(_LOOK_S)
        self._giving_way = False

    async def _announce(self) -> None:
        """Tell other processes of this writer, and hear when they ask it to end."""
        await asyncio.sleep(ANNOUNCE_S)
        mine, asking = signs(self._prefix, self.token)
        try:
            await self._storage.put_if_absent(mine, b"")
            while True:
                with suppress(NotFound):
                    word = await self._storage.get(asking)
                    await self._storage.delete([asking])
                    self._ask(firm=word == _FIRM)
                await asyncio.sleep(ANNOUNCE_S)
        except ReelyardError:
            return  # the store is away: the body will tell
        finally:
            with suppress(ReelyardError):
                await self._storage.delete([mine, asking])


class Writers:
    """The writers of all uploads in a store, as one process sees them."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._turns: dict[str, Turn] = {}

    @asynccontextmanager
    async def turn(self, prefix: str) -> AsyncIterator[Turn]:
        """The only turn of this process at the upload below `prefix`.

        Raises `Conflict` if there is a writer whose body flows.
        """
        await self.end_here(prefix, firm=False)
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

    async def end_here(self, prefix: str, *, firm: bool) -> bool:
        """Let this process's writer of the upload end; whether there was one.

        Unless `firm`, raises `Conflict` if it does not.
        """
        found = False
        while (running := self._turns.get(prefix)) is not None:
            found = True
            if await running.end(firm=firm) or self._turns.get(prefix) is not running:
                continue
            if not firm:
                raise _conflict()
            del self._turns[prefix]  # it hangs in the store
        return found

    async def end_elsewhere(self, prefix: str, tokens: Iterable[str], *, firm: bool) -> None:
        """Let writers of other processes end, or take away the signs of those that are dead.

        Unless `firm`, raises `Conflict` if one lives and does not. Raises `Unavailable`.
        """
        found = [signs(prefix, token) for token in tokens]
        for _, asking in found:
            if firm:
                await self._storage.delete([asking])
            await self._storage.put_if_absent(asking, _FIRM if firm else _SOFT)
        end = time.monotonic() + PATIENCE_S
        while found and time.monotonic() < end:
            await asyncio.sleep(_LOOK_S)
            found = [pair for pair in found if await self._storage.head(pair[0]) is not None]
        for _, asking in found:
            if not firm and await self._storage.head(asking) is None:
                raise _conflict()
        await self._storage.delete([key for pair in found for key in pair])


def _conflict() -> Conflict:
    return Conflict("another request is writing this upload; ask where it stands (HEAD)")


def signs(prefix: str, token: str) -> tuple[str, str]:
    """The objects by which a writer is known, and is asked to end."""
    return f"{prefix}writer-{token}", f"{prefix}stop-{token}"
