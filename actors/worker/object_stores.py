"""The object stores that URLs of inputs and outputs name, each opened once."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from cluster.errors import BadRequest
from cluster.settings import Settings
from cluster.storage import Storage, open_url

STORE_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "memory"})


def open_location(url: str, settings: Settings) -> tuple[Storage, str]:
    """The store and the key that `s3://bucket/key` (or gs, az, memory) names.

    The settings' options count where own storage is of the same kind, or on a disk.
    Raises `BadRequest`.
    """
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in STORE_SCHEMES or not bucket:
        raise BadRequest(f"{url!r} is not the URL of an object")
    own = urlsplit(settings.storage).scheme
    options = settings.storage_options if own in (scheme, "file", "memory") else {}
    return _open(f"{scheme}://{bucket}", tuple(sorted(options.items()))), key


@lru_cache(maxsize=32)
def _open(root: str, options: tuple[tuple[str, str], ...]) -> Storage:
    return open_url(root, dict(options))
