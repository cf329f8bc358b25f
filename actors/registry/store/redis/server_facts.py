"""What a Redis or Valkey server says of itself that decides whether it keeps what it takes."""

from __future__ import annotations

import time

import msgspec
import redis.asyncio as redis_client
from redis.exceptions import RedisError, ResponseError

from reelyard.actors.registry.store.redis.store import server_and_prefix
from reelyard.cluster.errors import Unavailable

LONGEST_S = 5


class ServerFacts(msgspec.Struct, frozen=True):
    """Empty texts: it does not tell, as managed services do."""

    version: str
    appendonly: str = ""
    appendfsync: str = ""
    maxmemory: int = 0
    """Bytes; 0: not limited."""
    maxmemory_policy: str = ""
    clock_ahead_s: float = 0.0
    """Its clock less this machine's."""


async def server_facts(url: str) -> ServerFacts:
    """Ask the server at `url`. Raises `Unavailable`."""
    client = redis_client.Redis.from_url(
        server_and_prefix(url)[0], socket_connect_timeout=LONGEST_S, socket_timeout=LONGEST_S
    )
    try:
        seconds, micros = await client.time()
        ahead = seconds + micros / 1e6 - time.time()
        info = await client.info("server")
        version = str(info.get("valkey_version") or info.get("redis_version") or "?")
        try:
            told = await client.config_get("append*", "maxmemory*")
        except ResponseError:
            return ServerFacts(version, clock_ahead_s=ahead)
    except (RedisError, OSError) as error:
        raise Unavailable("the job store can't be reached", internal=str(error)) from None
    finally:
        await client.aclose()
    return ServerFacts(
        version,
        told.get("appendonly") or "",
        told.get("appendfsync") or "",
        int(told.get("maxmemory") or 0),
        told.get("maxmemory-policy") or "",
        ahead,
    )
