"""The one thread that writes to SQLite: group commit over concurrent callers."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from reelyard.actors.registry.store.records import Row
from reelyard.actors.registry.store.sqlite.transaction import StaleError, Transaction
from reelyard.cluster.errors import ReelyardError, StorageFull, Unavailable

CACHE_KB = 65536
MAX_BATCH = 2048
"""Rows a transaction: bounds how long one takes."""
CHECKPOINT_PAGES = 4096


class _Item(NamedTuple):
    rows: list[Row]
    call: Callable[[sqlite3.Connection], Any] | None
    done: asyncio.Future[Any]


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection with Reelyard's settings; `readonly`: to a file that is there, and never
    changes anything in it. Raises `sqlite3.Error`."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'rw' if readonly else 'rwc'}",
        uri=True,
        timeout=10,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    if readonly:
        # Not `mode=ro`: after a crash, or as the last one, it would leave files beside the store.
        connection.execute("PRAGMA query_only = 1")
    else:
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    connection.execute("PRAGMA mmap_size = 4294967296")
    return connection


def make_private(path: Path) -> None:
    """See to it that the file is there and its owner's alone. SQLite gives the files beside it the
    same mode. Raises OSError."""
    # Not by opening it where it is there: closing it would let go of SQLite's own locks.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    for part in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        with suppress(FileNotFoundError):
            found = part.stat()
            if found.st_mode & 0o077 and found.st_uid == os.geteuid():
                part.chmod(0o600)


def translate(error: sqlite3.Error) -> ReelyardError:
    """Our error for one of SQLite's."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StorageFull("the job store's disk is full", internal=str(error))
    return Unavailable("the job store can't be used now", internal=str(error), retry_after_s=1)


class Writer:
    """Callers queue rows or calls; the thread takes all that wait into one transaction.

    What one caller queued stays together and in order. An answer comes after the commit.
    """

    def __init__(self, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._applier = Transaction(connection)
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def write(self, rows: list[Row]) -> asyncio.Future[list[bool]]:
        """Apply rows, see `Transaction`."""
        done: asyncio.Future[list[bool]] = self._loop.create_future()
        self._queue.put(_Item(rows, None, done))
        return done

    async def call[T](self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run `function` inside a transaction."""
        done: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Item([], function, done))
        return await done

    def stop(self) -> None:
        """Finish what is queued; blocks until that is on disk, and in the file itself."""
        self._queue.put(None)
        self._thread.join()
        # Closing does it only if no reader of another process is there.
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            items, last = self._gather(item)
            self._settle(self._commit(items))
            if last:
                return

    def _gather(self, first: _Item) -> tuple[list[_Item], bool]:
        items, size = [first], len(first.rows)
        while size < MAX_BATCH and not self._queue.empty():
            item = self._queue.get()
            if item is None:
                return items, True
            items.append(item)
            size += len(item.rows)
        return items, False

    def _commit(self, items: list[_Item]) -> list[tuple[asyncio.Future[Any], Any]]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                answers = self._apply(items)
            except StaleError:
                self._connection.execute("ROLLBACK")
                self._applier.forget()
                self._connection.execute("BEGIN IMMEDIATE")
                answers = self._apply(items)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            return self._give_up(items, translate(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, its callers must hear of it
            return self._give_up(items, error)
        return answers

    def _apply(self, items: list[_Item]) -> list[tuple[asyncio.Future[Any], Any]]:
        rows = [row for item in items for row in item.rows]
        verdicts = self._applier.apply(rows) if rows else []
        answers: list[tuple[asyncio.Future[Any], Any]] = []
        start = 0
        for item in items:
            if item.call is not None:
                answers.append((item.done, item.call(self._connection)))
                continue
            answers.append((item.done, verdicts[start : start + len(item.rows)]))
            start += len(item.rows)
        return answers

    def _give_up(
        self, items: list[_Item], error: Exception
    ) -> list[tuple[asyncio.Future[Any], Any]]:
        self._applier.forget()
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        return [(item.done, error) for item in items]

    def _settle(self, answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
        def settle() -> None:
            for future, answer in answers:
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(settle)
