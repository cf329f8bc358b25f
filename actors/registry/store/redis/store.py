"""The job store in Redis >= 7 or Valkey >= 7.2: what clusters use.

Run it with `appendonly yes` and `appendfsync always`. With `everysec` the server answers before it
has written when the disk is slow, and a crash of it may lose the last two seconds. All keys share
one hash tag, so they lie in one slot of a Redis Cluster.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
import redis.asyncio as redis_client
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.messages import KeyInfo, PageQuery, Totals
from reelyard.actors.jobs.model import Job
from reelyard.actors.registry.store.index import (
    CODES,
    END,
    FIRST_TERMINAL,
    STATES,
    Pair,
    Partition,
    Scan,
    all_facet,
    plan_scan,
)
from reelyard.actors.registry.store.pages import to_ids, walk
from reelyard.actors.registry.store.protocol import IdempotencyKey, Write
from reelyard.actors.registry.store.records import Row, decode_jobs, row_of
from reelyard.actors.registry.store.redis.arguments import (
    delete_arguments,
    hex_facet,
    write_arguments,
)
from reelyard.actors.registry.store.redis.group_commit import GroupCommit
from reelyard.cluster.errors import StorageFull, Unavailable

log = structlog.get_logger(__name__)

PREFIX = "{reelyard}:"
CONNECTIONS = 8
SCRIPT_WRITES = 128
"""Writes a script call: bounds how long the server is busy with one."""
HEAD = 13
"""Characters before a record: state code and revision."""


def _errors[**P, T](
    method: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    @functools.wraps(method)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except ResponseError as error:
            if "OOM" in str(error) or "MISCONF" in str(error):
                raise StorageFull("the job store is full", internal=str(error)) from None
            raise Unavailable("the job store refused", internal=str(error)) from None
        except (RedisError, OSError) as error:
            raise Unavailable(
                "the job store can't be reached", internal=str(error), retry_after_s=1
            ) from None

    return guarded


def server_and_prefix(url: str) -> tuple[str, str]:
    """The URL of the server, as its client takes it, and what every key begins with."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    prefix = options.pop("prefix", PREFIX)
    return urlunsplit(parts._replace(query=urlencode(options))), prefix


class RedisStore:
    """See `JobStore`. `redis://host:port/db`, `rediss://…`, `unix://path`; `?prefix=` for keys."""

    name = "redis"

    def __init__(self, url: str) -> None:
        self._url, self._prefix = server_and_prefix(url)
        self._scripts: dict[str, str] = {}
        self._client: redis_client.Redis | None = None
        self._writer: redis_client.Redis | None = None
        self._group: GroupCommit[Row, bool] = GroupCommit(self._flush)

    @_errors
    async def open(self) -> None:
        """Connect. Raises `Unavailable`."""
        # A write that may have arrived must not be sent again: its caller reads how things stand.
        self._client = self._connect(Retry(ExponentialBackoff(cap=0.5, base=0.02), 3))
        self._writer = self._connect(Retry(NoBackoff(), 0))
        await self._client.ping()
        await self._warn_if_volatile()

    @_errors
    async def open_for_reading(self) -> bool:
        """Connect. Raises `Unavailable`."""
        self._client = self._connect(Retry(ExponentialBackoff(cap=0.5, base=0.02), 3))
        await self._client.ping()
        return True

    def _connect(self, retry: Retry) -> redis_client.Redis:
        pool = redis_client.BlockingConnectionPool.from_url(
            self._url,
            max_connections=CONNECTIONS,
            timeout=10,
            socket_connect_timeout=5,
            socket_timeout=30,
            retry=retry,
        )
        return redis_client.Redis(connection_pool=pool)

    async def _warn_if_volatile(self) -> None:
        try:
            found = await self._redis.config_get("append*")
        except ResponseError:  # managed services hide CONFIG
            return
        if (found.get("appendonly"), found.get("appendfsync")) != ("yes", "always"):
            log.warning(
                "store_may_lose_writes",
                store=self.name,
                appendonly=found.get("appendonly"),
                appendfsync=found.get("appendfsync"),
                advice="set appendonly yes and appendfsync always",
            )

    async def close(self) -> None:
        """Finish what is under way and disconnect."""
        await self._group.drain()
        clients = [client for client in (self._client, self._writer) if client is not None]
        self._client = self._writer = None
        for client in clients:
            await client.aclose()
            await client.connection_pool.disconnect()

    def write(self, writes: Sequence[Write]) -> asyncio.Future[list[bool]]:
        return self._group.write([row_of(write) for write in writes])

    @_errors
    async def _flush(self, rows: list[Row]) -> list[bool]:
        verdicts: list[bool] = []
        for start in range(0, len(rows), SCRIPT_WRITES):
            values: list[Any] = []
            for row in rows[start : start + SCRIPT_WRITES]:
                values += write_arguments(row)
            answer = await self._run_script("write", values)
            verdicts += [char == ord("1") for char in cast("bytes", answer)]
        return verdicts

    @_errors
    async def get_many(self, job_ids: Sequence[str]) -> dict[str, Job]:
        wanted = to_ids(job_ids)
        found = await self._jobs(list(wanted))
        return {wanted[key]: job for key, job in found.items()}

    async def _jobs(self, ids: Sequence[bytes]) -> dict[bytes, Job]:
        if not ids:
            return {}
        keys = [self._key("j:") + job_id for job_id in ids]
        docs = cast("list[bytes | None]", await self._redis.mget(keys))
        return decode_jobs((i, doc[HEAD:]) for i, doc in zip(ids, docs, strict=True) if doc)

    @_errors
    async def page(self, query: PageQuery) -> list[Job]:
        pairs: list[Pair] = []
        if query.operation is not None or query.kind is not None:
            names = await _set(self._redis.smembers(self._key(f"pairs:{query.tenant}")))
            pairs = [cast("Pair", tuple(name.decode().split("\0"))) for name in names]
        walking = walk(query, plan_scan(query, pairs))
        wanted = next(walking)
        while True:
            ids = await self._scan_ids(*wanted)
            try:
                wanted = walking.send((ids, await self._jobs(ids)))
            except StopIteration as done:
                return list(done.value)

    async def _scan_ids(self, scan: Scan, limit: int) -> list[bytes]:
        low = b"[" + scan.low if scan.low else b"-"
        high = b"+" if scan.high == END else b"(" + scan.high
        async with self._redis.pipeline(transaction=False) as pipe:
            for facet, part in scan.rows:
                key = self._key(f"x:{hex_facet(facet)}:{part}")
                edges = (low, high) if scan.ascending else (high, low)
                pipe.zrange(key, *edges, desc=not scan.ascending, bylex=True, offset=0, num=limit)
            answers = await pipe.execute()
        ids = {job_id for answer in answers for job_id in answer}
        return sorted(ids, reverse=not scan.ascending)[:limit]

    async def active(self, batch: int = 500) -> AsyncIterator[list[Job]]:
        """Tenant by tenant, in id order within each."""
        for tenant in sorted(await self._tenants()):
            rows = [(all_facet(tenant.decode()), int(Partition.OPEN))]
            scan = Scan(rows, b"", END, ascending=True)
            while True:
                ids, jobs = await self._open_jobs(scan, batch)
                if jobs:
                    yield jobs
                if len(ids) < batch:
                    break
                scan = scan.beyond(ids[-1])

    @_errors
    async def _tenants(self) -> set[bytes]:
        return await _set(self._redis.smembers(self._key("tenants")))

    @_errors
    async def _open_jobs(self, scan: Scan, batch: int) -> tuple[list[bytes], list[Job]]:
        ids = await self._scan_ids(scan, batch)
        jobs = await self._jobs(ids)
        return ids, [jobs[i] for i in ids if i in jobs and not jobs[i].state.terminal]

    @_errors
    async def counts(self, tenant: str | None = None) -> dict[str, int]:
        name = "counts" if tenant is None else f"counts:{tenant}"
        stored = await _hash(self._redis.hgetall(self._key(name)))
        return {
            str(state): int(stored.get(str(code).encode(), 0)) for code, state in enumerate(STATES)
        }

    @_errors
    async def totals(self, tenant: str) -> Totals:
        stored = await _hash(self._redis.hgetall(self._key(f"totals:{tenant}")))
        sums = {name.decode(): int(amount) for name, amount in stored.items()}
        return msgspec.convert(sums, Totals)

    @_errors
    async def find_key(self, tenant: str, key: str, now_ms: int) -> IdempotencyKey | None:
        stored = await _value(self._redis.hget(self._key("keys"), f"{tenant}\0{key}"))
        if stored is None:
            return None
        found = msgspec.json.decode(stored, type=IdempotencyKey)
        return found if found.expires_ms > now_ms else None

    @_errors
    async def balance(self, tenant: str) -> int | None:
        account = await _hash(self._redis.hgetall(self._key(f"account:{tenant}")))
        return int(account.get(b"balance", 0)) if b"limited" in account else None

    @_errors
    async def spent(self, tenant: str) -> int:
        spent = await _value(self._redis.hget(self._key(f"account:{tenant}"), "spent"))
        return int(spent or 0)

    @_errors
    async def grant(self, entry: LedgerEntry) -> None:
        field = f"{entry.job_id}\0{entry.reason}"
        await self._run_script("grant", [entry.tenant, field, entry.credits])

    async def outputs_due(self, now_ms: int, limit: int) -> list[Job]:
        return await self._due("outputs", now_ms, limit)

    async def records_due(self, now_ms: int, limit: int) -> list[Job]:
        return await self._due("due", now_ms, limit)

    @_errors
    async def _due(self, name: str, now_ms: int, limit: int) -> list[Job]:
        ids = await self._redis.zrange(
            self._key(name),
            "-inf",
            now_ms,
            byscore=True,
            offset=0,
            num=limit,
        )
        jobs = await self._jobs(cast("list[bytes]", ids))
        return list(jobs.values())

    @_errors
    async def delete(self, job_ids: Sequence[str]) -> int:
        jobs = await self._jobs(list(to_ids(job_ids)))
        values: list[Any] = []
        for stored, job in jobs.items():
            code = CODES[job.state]
            if code >= FIRST_TERMINAL:
                values += delete_arguments(stored, code, job)
        return int(await self._run_script("delete", values)) if values else 0

    @_errors
    async def purge(self, now_ms: int, limit: int) -> int:
        return int(await self._run_script("purge", [now_ms, limit]))

    @_errors
    async def put_api_key(self, key_hash: str, info: KeyInfo) -> None:
        value = msgspec.msgpack.encode(info)
        await self._redis.hset(self._key("api_keys"), key_hash, value)

    @_errors
    async def api_keys(self) -> dict[str, KeyInfo]:
        stored = await _hash(self._redis.hgetall(self._key("api_keys")))
        return {
            key_hash.decode(): msgspec.msgpack.decode(info, type=KeyInfo)
            for key_hash, info in stored.items()
        }

    @_errors
    async def set_paused(self, pool: str, *, paused: bool) -> None:
        change = self._redis.sadd if paused else self._redis.srem
        await change(self._key("paused"), pool)

    @_errors
    async def free_bytes(self) -> int | None:
        await self._redis.ping()
        return None

    @_errors
    async def paused_pools(self) -> set[str]:
        stored = await _set(self._redis.smembers(self._key("paused")))
        return {pool.decode() for pool in stored}

    @_errors
    async def secret(self, name: str, fresh: str) -> str:
        key = self._key("secrets")
        await self._redis.hsetnx(key, name, fresh)
        stored = await _value(self._redis.hget(key, name))
        return (stored or b"").decode()

    @property
    def _redis(self) -> redis_client.Redis:
        if self._client is None:
            raise Unavailable("the job store is not open")
        return self._client

    def _key(self, name: str) -> bytes:
        return f"{self._prefix}{name}".encode()

    async def _run_script(self, name: str, values: list[Any]) -> Any:
        """Run one of the scripts beside this file; the server may have forgotten it."""
        if self._writer is None:
            raise Unavailable("the job store is not open")
        run = self._writer.evalsha
        sha = self._scripts.get(name) or await self._load(name)
        try:
            return await run(sha, 0, self._prefix, *values)
        except NoScriptError:
            sha = await self._load(name)
            return await run(sha, 0, self._prefix, *values)

    async def _load(self, name: str) -> str:
        path = Path(__file__).with_name(f"{name}.lua")
        text = await asyncio.to_thread(path.read_text)
        sha = self._scripts[name] = str(await self._redis.script_load(text))
        return sha


async def _hash(answer: Any) -> dict[bytes, bytes]:
    return cast("dict[bytes, bytes]", await answer)


async def _set(answer: Any) -> set[bytes]:
    return set(await answer)


async def _value(answer: Any) -> bytes | None:
    return cast("bytes | None", await answer)
