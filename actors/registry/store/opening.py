"""The store that a URL means, opened."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from reelyard.actors.registry.store.protocol import JobStore
from reelyard.cluster.errors import BadRequest


def open_store(url: str) -> JobStore:
    """The store at `url`: `sqlite:///path`, `redis://host:port/db`, `rediss://…`, `unix://path`.

    It still has to be opened (`await store.open()`). Raises `BadRequest` on another scheme.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        from reelyard.actors.registry.store.sqlite.store import SQLiteStore

        if not parts.path.startswith("/") or parts.netloc:
            raise BadRequest(f"store_url: an absolute path is needed, sqlite:///path, not {url!r}")
        return SQLiteStore(Path(unquote(parts.path)))
    if parts.scheme in {"redis", "rediss", "unix"}:
        from reelyard.actors.registry.store.redis.store import RedisStore

        return RedisStore(url)
    raise BadRequest(
        f"store_url: {parts.scheme or 'no scheme'!r} is not known; use sqlite:/// or redis://"
    )
