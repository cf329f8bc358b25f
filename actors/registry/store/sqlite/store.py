"""The job store in one SQLite file: what the embedded cluster uses. Never on a network disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec

from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.messages import KeyInfo, PageQuery, Totals
from reelyard.actors.jobs.model import Job
from reelyard.actors.registry.store.index import END, STATES, Partition, Scan, all_facet
from reelyard.actors.registry.store.pages import to_ids
from reelyard.actors.registry.store.protocol import IdempotencyKey, Write
from reelyard.actors.registry.store.records import row_of
from reelyard.actors.registry.store.sqlite import queries, transaction
from reelyard.actors.registry.store.sqlite.writer import Writer, connect, make_private, translate
from reelyard.cluster.errors import Unavailable
from reelyard.cluster.folders.free_space import free_of

SCHEMA_VERSION = 1
READERS = 2


class SQLiteStore:
    """See `JobStore`. WAL with `synchronous=FULL`; one writer thread, readers beside it."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._readers: ThreadPoolExecutor | None = None
        self._connections: list[sqlite3.Connection] = []
        self._writer: Writer | None = None

    async def open(self) -> None:
        """Make the file and its schema where they are missing. Raises `Unavailable`."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_private(self._path)
            connection = await asyncio.to_thread(self._prepare)
        except OSError as error:
            raise Unavailable("the job store's folder can't be made", internal=str(error)) from None
        except sqlite3.Error as error:
            raise translate(error) from None
        self._writer = Writer(connection, asyncio.get_running_loop())
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")

    def _prepare(self) -> sqlite3.Connection:
        connection = connect(self._path)
        try:
            version = _known_version(connection)
        except Unavailable:
            connection.close()
            raise
        schema = Path(__file__).with_name("schema.sql").read_text()
        connection.executescript(f"BEGIN IMMEDIATE; {schema} COMMIT;")
        if version != SCHEMA_VERSION:
            # Nothing is written otherwise: on a full disk the sweep must be able to begin.
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        return connection

    async def open_for_reading(self) -> bool:
        """Open the file if there is one, beside whoever writes to it; nothing in it is changed.

        False: there is none yet. Raises `Unavailable`.
        """
        try:
            version = await asyncio.to_thread(self._stored_version)
        except sqlite3.Error as error:
            raise translate(error) from None
        if not version:
            return False
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        return True

    def _stored_version(self) -> int:
        if not self._path.exists():
            return 0
        with closing(connect(self._path, readonly=True)) as connection:
            return _known_version(connection)

    async def close(self) -> None:
        """Finish what is queued, then let go of the file."""
        if self._readers is not None:
            self._readers.shutdown(wait=True)
            self._readers = None
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        if self._writer is not None:
            writer, self._writer = self._writer, None
            await asyncio.to_thread(writer.stop)

    def write(self, writes: Sequence[Write]) -> asyncio.Future[list[bool]]:
        return self._writing().write([row_of(write) for write in writes])

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, Job]:
        wanted = to_ids(job_ids)
        if not wanted:
            return {}
        found = await self._read(lambda c: queries.jobs_by_id(c, list(wanted)))
        return {wanted[key]: job for key, job in found.items()}

    async def page(self, query: PageQuery) -> list[Job]:
        return await self._read(lambda c: queries.page(c, query))

    async def active(self, batch: int = 500) -> AsyncIterator[list[Job]]:
        """Tenant by tenant, in id order within each."""
        for tenant in await self._read(queries.tenants):
            rows = [(all_facet(tenant), int(Partition.OPEN))]
            scan = Scan(rows, b"", END, ascending=True)
            while True:
                ids, jobs = await self._read(_open_jobs(scan, batch))
                if jobs:
                    yield jobs
                if len(ids) < batch:
                    break
                scan = scan.beyond(ids[-1])

    async def counts(self, tenant: str | None = None) -> dict[str, int]:
        query = "SELECT state, sum(jobs) FROM counts {} GROUP BY state"
        where = "" if tenant is None else "WHERE tenant = ?"
        values = () if tenant is None else (tenant,)
        rows = await self._read(lambda c: c.execute(query.format(where), values).fetchall())
        return {str(state): 0 for state in STATES} | {str(STATES[code]): n for code, n in rows}

    async def totals(self, tenant: str) -> Totals:
        query = "SELECT name, amount FROM totals WHERE tenant = ?"
        rows = await self._read(lambda c: c.execute(query, (tenant,)).fetchall())
        return msgspec.convert(dict(rows), Totals)

    async def find_key(self, tenant: str, key: str, now_ms: int) -> IdempotencyKey | None:
        query = (
            "SELECT tenant, key, fingerprint, job_id, expires_ms FROM idempotency "
            "WHERE tenant = ? AND key = ? AND expires_ms > ?"
        )
        row = await self._read(lambda c: c.execute(query, (tenant, key, now_ms)).fetchone())
        return IdempotencyKey(*row) if row else None

    async def balance(self, tenant: str) -> int | None:
        query = "SELECT balance FROM accounts WHERE tenant = ? AND limited"
        row = await self._read(lambda c: c.execute(query, (tenant,)).fetchone())
        return row[0] if row else None

    async def spent(self, tenant: str) -> int:
        query = "SELECT spent FROM accounts WHERE tenant = ?"
        row = await self._read(lambda c: c.execute(query, (tenant,)).fetchone())
        return row[0] if row else 0

    async def grant(self, entry: LedgerEntry) -> None:
        await self._writing().call(lambda c: transaction.enter(c, [entry]))

    async def outputs_due(self, now_ms: int, limit: int) -> list[Job]:
        return await self._read(lambda c: queries.due(c, "outputs_ms", now_ms, limit))

    async def records_due(self, now_ms: int, limit: int) -> list[Job]:
        return await self._read(lambda c: queries.due(c, "due_ms", now_ms, limit))

    async def delete(self, job_ids: Sequence[str]) -> int:
        ids = list(to_ids(job_ids))
        return await self._writing().call(lambda c: transaction.delete_jobs(c, ids))

    async def purge(self, now_ms: int, limit: int) -> int:
        query = (
            "DELETE FROM idempotency WHERE (tenant, key) IN (SELECT tenant, key FROM idempotency "
            "WHERE expires_ms <= ? LIMIT ?)"
        )
        return await self._writing().call(lambda c: c.execute(query, (now_ms, limit)).rowcount)

    async def put_api_key(self, key_hash: str, info: KeyInfo) -> None:
        value = msgspec.msgpack.encode(info)
        query = "INSERT OR REPLACE INTO api_keys VALUES (?, ?)"
        await self._writing().call(lambda c: c.execute(query, (key_hash, value)).rowcount)

    async def api_keys(self) -> dict[str, KeyInfo]:
        rows = await self._read(lambda c: c.execute("SELECT hash, info FROM api_keys").fetchall())
        return {key_hash: msgspec.msgpack.decode(info, type=KeyInfo) for key_hash, info in rows}

    async def set_paused(self, pool: str, *, paused: bool) -> None:
        put, drop = "INSERT OR IGNORE INTO paused VALUES (?)", "DELETE FROM paused WHERE pool = ?"
        query = put if paused else drop
        await self._writing().call(lambda c: c.execute(query, (pool,)).rowcount)

    async def free_bytes(self) -> int | None:
        await self._read(lambda c: c.execute("SELECT 1 FROM paused LIMIT 1").fetchall())
        return await asyncio.to_thread(free_of, self._path.parent)

    async def paused_pools(self) -> set[str]:
        rows = await self._read(lambda c: c.execute("SELECT pool FROM paused").fetchall())
        return {str(pool) for (pool,) in rows}

    async def secret(self, name: str, fresh: str) -> str:
        def choose(connection: sqlite3.Connection) -> str:
            connection.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (name, fresh))
            query = "SELECT value FROM secrets WHERE name = ?"
            return str(connection.execute(query, (name,)).fetchone()[0])

        return await self._writing().call(choose)

    def _writing(self) -> Writer:
        if self._writer is None:
            raise Unavailable("the job store is not open")
        return self._writer

    async def _read[T](self, query: Callable[[sqlite3.Connection], T]) -> T:
        if self._readers is None:
            raise Unavailable("the job store is not open")

        def run() -> T:
            connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = connect(self._path, readonly=True)
                self._connections.append(connection)
            return query(connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, run)
        except sqlite3.Error as error:
            raise translate(error) from None


def _known_version(connection: sqlite3.Connection) -> int:
    """The schema's version; 0: the file is new. Raises `Unavailable`."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise Unavailable(
            f"the job store was written by a newer Reelyard (schema {version}, this one "
            f"knows {SCHEMA_VERSION})"
        )
    return int(version)


def _open_jobs(
    scan: Scan, batch: int
) -> Callable[[sqlite3.Connection], tuple[list[bytes], list[Job]]]:
    def run(connection: sqlite3.Connection) -> tuple[list[bytes], list[Job]]:
        ids = queries.scan_ids(connection, scan, batch)
        jobs = queries.jobs_by_id(connection, ids)
        return ids, [jobs[i] for i in ids if i in jobs and not jobs[i].state.terminal]

    return run
