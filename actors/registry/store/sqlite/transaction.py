"""One SQLite transaction for a batch of writes.

Rows go in by statements of many rows: each step of a statement gives up the GIL, and with a busy
event loop beside this thread every step of an `executemany` would wait to get it back.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.model import Job
from reelyard.actors.registry.store.index import (
    CODES,
    FIRST_TERMINAL,
    Partition,
    id_bytes,
    input_facet,
    state_rows,
)
from reelyard.actors.registry.store.protocol import IdempotencyKey
from reelyard.actors.registry.store.records import Row, decode_jobs

_SIZES = (256, 64, 16, 4, 1)
"""Rows a statement: few sizes, so that the prepared statements are reused."""
MAX_KNOWN = 200_000

_SELECT_STATES = "SELECT id, rev, state FROM jobs WHERE id IN ({})"
_SELECT_ENDED = "SELECT id, doc FROM jobs WHERE state >= ? AND id IN ({})"
_DELETE_JOBS = "DELETE FROM jobs WHERE id IN ({})"
_INSERT_JOBS = "INSERT INTO jobs (id, rev, state, doc, due_ms, outputs_ms) VALUES {}"
_UPDATE_OPEN = (
    "UPDATE jobs SET rev = v.column2, state = v.column3, doc = v.column4 "
    "FROM (VALUES {}) AS v WHERE jobs.id = v.column1 AND jobs.rev = v.column5"
)
_UPDATE_ENDED = (
    "UPDATE jobs SET rev = v.column2, state = v.column3, doc = v.column4, due_ms = v.column5, "
    "outputs_ms = v.column6 FROM (VALUES {}) AS v "
    "WHERE jobs.id = v.column1 AND jobs.rev = v.column7"
)
_INSERT_FACETS = "INSERT OR IGNORE INTO facets SELECT ?, ?, column1 FROM (VALUES {})"
_DELETE_FACETS = "DELETE FROM facets WHERE facet = ? AND part = ? AND id IN ({})"

_Stored = tuple[int, int]
"""(revision, state code)"""
_Facets = dict[tuple[int, int], list[bytes]]


class StaleError(Exception):
    """The store holds something else than was remembered: somebody else writes to it too."""


@lru_cache(maxsize=256)
def _values(columns: int, rows: int) -> str:
    return ",".join([f"({marks(columns)})"] * rows)


@lru_cache(maxsize=64)
def marks(count: int) -> str:
    """`count` placeholders."""
    return ",".join("?" * count)


def parts[T](items: Sequence[T]) -> Iterator[Sequence[T]]:
    """`items` cut into the sizes that statements are prepared for."""
    start = 0
    for size in _SIZES:
        while len(items) - start >= size:
            yield items[start : start + size]
            start += size


class Transaction:
    """Applies rows inside a transaction of its caller.

    It remembers the revision and state of open jobs. The updates check the revision themselves;
    when one finds another, `apply` raises `StaleError`, and is to be called again, after a
    rollback and `forget`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[bytes, _Stored] = {}
        self._pairs: set[tuple[str, str, str]] = set()
        self._trusting = True

    def forget(self) -> None:
        """What was remembered may be wrong; the next `apply` reads everything it needs."""
        self._known.clear()
        self._pairs.clear()
        self._trusting = False

    def apply(self, rows: Sequence[Row]) -> list[bool]:
        """Apply each row whose expected revision is the stored one and whose key is free.

        Raises `StaleError`.
        """
        before = self._stored(rows)
        now = dict(before)
        last: dict[bytes, Row] = {}
        ledger: list[LedgerEntry] = []
        totals: Counter[tuple[str, str]] = Counter()
        verdicts: list[bool] = []
        for row in rows:
            stored = now.get(row.id)
            good = (stored[0] if stored else 0) == row.expected and (
                row.key is None or _claim_key(self._connection, row.key)
            )
            verdicts.append(good)
            if not good:
                continue
            now[row.id] = (row.rev, row.code)
            last[row.id] = row
            if row.ledger:
                ledger.extend(row.ledger)
            if row.totals and (stored is None or stored[1] != row.code):
                sums: dict[str, int] = msgspec.to_builtins(row.totals)
                totals.update({(row.tenant, name): amount for name, amount in sums.items()})
        if last:
            self._store(before, last)
            add_totals(self._connection, totals)
            enter(self._connection, ledger)
        self._trusting = True
        return verdicts

    def _stored(self, rows: Sequence[Row]) -> dict[bytes, _Stored]:
        known = self._known
        before: dict[bytes, _Stored] = {}
        ask: list[bytes] = []
        for row in rows:
            if (stored := known.get(row.id)) is not None:
                before[row.id] = stored
            elif row.expected or not self._trusting:
                ask.append(row.id)
        if ask:
            before |= stored_states(self._connection, ask)
        return before

    def _store(self, before: dict[bytes, _Stored], last: dict[bytes, Row]) -> None:
        connection, known = self._connection, self._known
        new: list[Row] = []
        still_open: list[tuple[object, ...]] = []
        ended: list[tuple[object, ...]] = []
        moves: dict[tuple[str, str, str, int, int], list[bytes]] = {}
        for row in last.values():
            job_id, code = row.id, row.code
            stored = before.get(job_id)
            was = -1 if stored is None else stored[1]
            if was != code:
                move = (row.tenant, row.operation, row.kind, was, code)
                if (ids := moves.get(move)) is None:
                    ids = moves[move] = []
                ids.append(job_id)
            if stored is None:
                new.append(row)
            elif code >= FIRST_TERMINAL or was >= FIRST_TERMINAL:
                ended.append((*row[:6], stored[0]))
            else:
                still_open.append((*row[:4], stored[0]))
            if code >= FIRST_TERMINAL:
                known.pop(job_id, None)
            else:
                known[job_id] = (row.rev, code)
        _insert(connection, new)
        _update(connection, _UPDATE_OPEN, 5, still_open)
        _update(connection, _UPDATE_ENDED, 7, ended)
        _move(connection, new, moves)
        self._note_pairs(moves)
        if len(known) > MAX_KNOWN:
            known.clear()

    def _note_pairs(self, moves: dict[tuple[str, str, str, int, int], list[bytes]]) -> None:
        for move in moves:
            pair = move[:3]
            if pair not in self._pairs:
                self._connection.execute("INSERT OR IGNORE INTO pairs VALUES (?, ?, ?)", pair)
                self._pairs.add(pair)


def stored_states(
    connection: sqlite3.Connection, ids: Sequence[bytes]
) -> dict[bytes, tuple[int, int]]:
    """Revision and state code of the jobs that exist."""
    found: dict[bytes, _Stored] = {}
    for part in parts(ids):
        query = _SELECT_STATES.format(marks(len(part)))
        for job_id, rev, code in connection.execute(query, part):
            found[job_id] = (rev, code)
    return found


def _insert(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    for part in parts(rows):
        values: list[object] = []
        for row in part:
            values += row[:6]
        try:
            connection.execute(_INSERT_JOBS.format(_values(6, len(part))), values)
        except sqlite3.IntegrityError:
            raise StaleError from None


def _update(
    connection: sqlite3.Connection, query: str, columns: int, rows: Sequence[tuple[object, ...]]
) -> None:
    for part in parts(rows):
        values: list[object] = []
        for row in part:
            values += row
        cursor = connection.execute(query.format(_values(columns, len(part))), values)
        if cursor.rowcount != len(part):
            raise StaleError


def _move(
    connection: sqlite3.Connection,
    new: Sequence[Row],
    moves: dict[tuple[str, str, str, int, int], list[bytes]],
) -> None:
    add: _Facets = defaultdict(list)
    drop: _Facets = defaultdict(list)
    counts: Counter[tuple[str, int]] = Counter()
    for row in new:
        if row.input:
            add[input_facet(row.tenant, row.input), int(Partition.ANY)].append(row.id)
    for (tenant, operation, kind, was, code), ids in moves.items():
        rows = state_rows(tenant, operation, kind, code)
        old = state_rows(tenant, operation, kind, was) if was >= 0 else ()
        for entry in rows:
            if entry not in old:
                add[entry] += ids
        for entry in old:
            if entry not in rows:
                drop[entry] += ids
        counts[tenant, code] += len(ids)
        if was >= 0:
            counts[tenant, was] -= len(ids)
    drop_facets(connection, drop)
    for (facet, partition), ids in add.items():
        for part in parts(ids):
            query = _INSERT_FACETS.format(_values(1, len(part)))
            connection.execute(query, (facet, partition, *part))
    add_counts(connection, counts)


def drop_facets(connection: sqlite3.Connection, drop: _Facets) -> None:
    """Delete index rows, grouped by the facet and partition that they lie in."""
    for (facet, partition), ids in drop.items():
        for part in parts(ids):
            query = _DELETE_FACETS.format(marks(len(part)))
            connection.execute(query, (facet, partition, *part))


def add_counts(connection: sqlite3.Connection, delta: Counter[tuple[str, int]]) -> None:
    """Move the counters of (tenant, state code)."""
    connection.executemany(
        "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT (tenant, state) "
        "DO UPDATE SET jobs = jobs + excluded.jobs",
        [(*key, amount) for key, amount in delta.items() if amount],
    )


def add_totals(connection: sqlite3.Connection, delta: Counter[tuple[str, str]]) -> None:
    """Move the sums of (tenant, name)."""
    connection.executemany(
        "INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT (tenant, name) "
        "DO UPDATE SET amount = amount + excluded.amount",
        [(*key, amount) for key, amount in delta.items()],
    )


def _claim_key(connection: sqlite3.Connection, key: IdempotencyKey) -> bool:
    cursor = connection.execute(
        "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, key) DO UPDATE SET "
        "fingerprint = excluded.fingerprint, job_id = excluded.job_id, "
        "expires_ms = excluded.expires_ms WHERE expires_ms <= ?",
        (key.tenant, key.key, key.fingerprint, key.job_id, key.expires_ms, key.at_ms),
    )
    return cursor.rowcount == 1


def enter(connection: sqlite3.Connection, entries: Sequence[LedgerEntry]) -> None:
    """Put entries into the ledger and the accounts; one that is there already changes nothing."""
    for entry in entries:
        cursor = connection.execute(
            "INSERT OR IGNORE INTO ledger VALUES (?, ?, ?, ?, ?)",
            (entry.tenant, entry.job_id, entry.reason, entry.credits, entry.at_ms),
        )
        if cursor.rowcount != 1:
            continue
        grant = entry.is_grant
        connection.execute(
            "INSERT INTO accounts VALUES (?, ?, ?, ?) ON CONFLICT (tenant) DO UPDATE SET "
            "limited = max(limited, excluded.limited), balance = balance + excluded.balance, "
            "spent = spent + excluded.spent",
            (entry.tenant, int(grant), entry.credits, 0 if grant else -entry.credits),
        )


def delete_jobs(connection: sqlite3.Connection, ids: Sequence[bytes]) -> int:
    """Delete those of the jobs that are terminal, with their index and ledger rows; how many."""
    drop: _Facets = defaultdict(list)
    delta: Counter[tuple[str, int]] = Counter()
    gone: list[Job] = []
    for part in parts(ids):
        query = _SELECT_ENDED.format(marks(len(part)))
        gone += decode_jobs(connection.execute(query, (FIRST_TERMINAL, *part))).values()
    for job in gone:
        job_id, code = id_bytes(job.id), CODES[job.state]
        for entry in state_rows(job.tenant, job.operation, job.kind, code):
            drop[entry].append(job_id)
        if job.input:
            drop[input_facet(job.tenant, job.input), int(Partition.ANY)].append(job_id)
        delta[job.tenant, code] -= 1
    drop_facets(connection, drop)
    add_counts(connection, delta)
    for batch in parts([id_bytes(job.id) for job in gone]):
        connection.execute(_DELETE_JOBS.format(marks(len(batch))), batch)
    connection.executemany(
        "DELETE FROM ledger WHERE tenant = ? AND job_id = ?",
        [(job.tenant, job.id) for job in gone if job.credits],
    )
    return len(gone)
