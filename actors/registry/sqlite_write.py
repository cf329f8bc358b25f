"""What one SQLite transaction does for a batch of writes.

Rows go in by statements of many rows: each step of a statement gives up the GIL, and with a busy
event loop beside this thread every step of an `executemany` would wait to get it back.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from actors.registry.codec import Row
from actors.registry.facets import STATES, Partition, id_bytes, input_facet, state_rows
from actors.registry.interface import LedgerEntry

_SIZES = (256, 64, 16, 4, 1)
"""Rows a statement: few sizes, so that the prepared statements are reused."""

_INSERT_JOBS = "INSERT INTO jobs (id, rev, state, due_ms, outputs_ms, doc) VALUES "
_UPDATE_OPEN = (
    "UPDATE jobs SET rev = v.column2, state = v.column3, doc = v.column4 "
    "FROM (VALUES {}) AS v WHERE jobs.id = v.column1"
)
_UPDATE_ENDED = (
    "UPDATE jobs SET rev = v.column2, state = v.column3, due_ms = v.column4, "
    "outputs_ms = v.column5, doc = v.column6 FROM (VALUES {}) AS v WHERE jobs.id = v.column1"
)


class _Stored(NamedTuple):
    rev: int
    code: int


@lru_cache(maxsize=256)
def _values(columns: int, rows: int) -> str:
    row = f"({','.join('?' * columns)})"
    return ",".join([row] * rows)


def parts[T](items: Sequence[T]) -> Iterator[Sequence[T]]:
    """`items` cut into the sizes that statements are prepared for."""
    start = 0
    for size in _SIZES:
        while len(items) - start >= size:
            yield items[start : start + size]
            start += size


def flat(rows: Iterable[Sequence[Any]]) -> list[Any]:
    """The rows' values in one list."""
    return [value for row in rows for value in row]


def apply_rows(connection: sqlite3.Connection, rows: Sequence[Row], pairs: set[Any]) -> list[bool]:
    """Apply each row whose expected revision is the stored one, and whose key is free.

    `pairs` remembers which (tenant, operation, kind) are known; it is only a cache.
    """
    before = stored_states(connection, {row.id for row in rows})
    now: dict[bytes, _Stored] = dict(before)
    last: dict[bytes, Row] = {}
    applied: list[Row] = []
    verdicts: list[bool] = []
    for row in rows:
        known = now.get(row.id)
        taken = (known.rev if known else 0) == row.expected
        if taken and row.key is not None:
            taken = _claim_key(connection, row)
        verdicts.append(taken)
        if taken:
            now[row.id] = _Stored(row.rev, row.code)
            last[row.id] = row
            applied.append(row)
    if last:
        _store_jobs(connection, before, list(last.values()))
        _move_facets(connection, before, list(last.values()))
        _count(connection, before, list(last.values()))
        _note_pairs(connection, list(last.values()), pairs)
        _add_totals(connection, before, applied)
        enter(connection, [entry for row in applied for entry in row.ledger])
    return verdicts


def stored_states(connection: sqlite3.Connection, ids: Iterable[bytes]) -> dict[bytes, _Stored]:
    """Revision and state code of the jobs that exist."""
    found: dict[bytes, _Stored] = {}
    for part in parts(list(ids)):
        marks = ",".join("?" * len(part))
        query = f"SELECT id, rev, state FROM jobs WHERE id IN ({marks})"
        for job_id, rev, code in connection.execute(query, part):
            found[job_id] = _Stored(rev, code)
    return found


def _claim_key(connection: sqlite3.Connection, row: Row) -> bool:
    key = row.key
    assert key is not None
    created = row.expected == 0
    cursor = connection.execute(
        "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, key) DO UPDATE SET "
        "fingerprint = excluded.fingerprint, job_id = excluded.job_id, "
        "expires_ms = excluded.expires_ms WHERE expires_ms <= ?",
        (key.tenant, key.key, key.fingerprint, key.job_id, key.expires_ms, key.now_ms),
    )
    return cursor.rowcount == 1 or not created


def _store_jobs(
    connection: sqlite3.Connection, before: dict[bytes, _Stored], rows: list[Row]
) -> None:
    new = [row for row in rows if row.id not in before]
    old = [row for row in rows if row.id in before]
    for part in parts(new):
        values = flat((r.id, r.rev, r.code, r.due_ms, r.outputs_ms, r.doc) for r in part)
        connection.execute(_INSERT_JOBS + _values(6, len(part)), values)
    for part in parts([r for r in old if not r.terminal and not STATES[before[r.id].code].terminal]):
        values = flat((r.id, r.rev, r.code, r.doc) for r in part)
        connection.execute(_UPDATE_OPEN.format(_values(4, len(part))), values)
    for part in parts([r for r in old if r.terminal or STATES[before[r.id].code].terminal]):
        values = flat((r.id, r.rev, r.code, r.due_ms, r.outputs_ms, r.doc) for r in part)
        connection.execute(_UPDATE_ENDED.format(_values(6, len(part))), values)


def _move_facets(
    connection: sqlite3.Connection, before: dict[bytes, _Stored], rows: list[Row]
) -> None:
    add: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    drop: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    for row in rows:
        new = state_rows(row.tenant, row.operation, row.kind, row.code)
        stored = before.get(row.id)
        if stored is None:
            if row.input:
                add[input_facet(row.tenant, row.input), int(Partition.ANY)].append(row.id)
            for entry in new:
                add[entry].append(row.id)
        elif stored.code != row.code:
            old = state_rows(row.tenant, row.operation, row.kind, stored.code)
            for entry in new:
                if entry not in old:
                    add[entry].append(row.id)
            for entry in old:
                if entry not in new:
                    drop[entry].append(row.id)
    drop_facets(connection, drop)
    _insert_facets(connection, [(*entry, i) for entry, ids in add.items() for i in ids])


def _insert_facets(connection: sqlite3.Connection, rows: list[tuple[int, int, bytes]]) -> None:
    for part in parts(rows):
        connection.execute(
            "INSERT OR IGNORE INTO facets VALUES " + _values(3, len(part)), flat(part)
        )


def drop_facets(
    connection: sqlite3.Connection, drop: dict[tuple[int, int], list[bytes]]
) -> None:
    """Delete index rows, grouped by the facet and partition that they lie in."""
    for (facet, partition), ids in drop.items():
        for part in parts(ids):
            marks = ",".join("?" * len(part))
            connection.execute(
                f"DELETE FROM facets WHERE facet = ? AND part = ? AND id IN ({marks})",
                (facet, partition, *part),
            )


def _count(connection: sqlite3.Connection, before: dict[bytes, _Stored], rows: list[Row]) -> None:
    delta: Counter[tuple[str, int]] = Counter()
    for row in rows:
        delta[row.tenant, row.code] += 1
        if (stored := before.get(row.id)) is not None:
            delta[row.tenant, stored.code] -= 1
    add_counts(connection, delta)


def add_counts(connection: sqlite3.Connection, delta: Counter[tuple[str, int]]) -> None:
    """Move the counters of (tenant, state code)."""
    connection.executemany(
        "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT (tenant, state) "
        "DO UPDATE SET jobs = jobs + excluded.jobs",
        [(*key, amount) for key, amount in delta.items() if amount],
    )


def _note_pairs(connection: sqlite3.Connection, rows: list[Row], known: set[Any]) -> None:
    for pair in {(row.tenant, row.operation, row.kind) for row in rows} - known:
        connection.execute("INSERT OR IGNORE INTO pairs VALUES (?, ?, ?)", pair)
        known.add(pair)


def _add_totals(
    connection: sqlite3.Connection, before: dict[bytes, _Stored], rows: list[Row]
) -> None:
    delta: Counter[tuple[str, str]] = Counter()
    for row in rows:
        stored = before.get(row.id)
        if row.totals and (stored is None or stored.code != row.code):
            for name, amount in row.totals.items():
                delta[row.tenant, name] += amount
    connection.executemany(
        "INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT (tenant, name) "
        "DO UPDATE SET amount = amount + excluded.amount",
        [(*key, amount) for key, amount in delta.items()],
    )


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


def delete_jobs(connection: sqlite3.Connection, jobs: Sequence[tuple[bytes, Row]]) -> int:
    """Delete terminal jobs with their index and ledger rows; how many there were."""
    rows = {job_id: row for job_id, row in jobs if row.terminal}
    stored = stored_states(connection, rows)
    gone = [row for job_id, row in rows.items() if job_id in stored and stored[job_id].rev == row.rev]
    drop: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    delta: Counter[tuple[str, int]] = Counter()
    for row in gone:
        for entry in state_rows(row.tenant, row.operation, row.kind, row.code):
            drop[entry].append(row.id)
        if row.input:
            drop[input_facet(row.tenant, row.input), int(Partition.ANY)].append(row.id)
        delta[row.tenant, row.code] -= 1
    drop_facets(connection, drop)
    add_counts(connection, delta)
    for part in parts([row.id for row in gone]):
        marks = ",".join("?" * len(part))
        connection.execute(f"DELETE FROM jobs WHERE id IN ({marks})", part)
    return len(gone)


__all__ = ["apply_rows", "delete_jobs", "enter", "flat", "id_bytes", "parts"]
