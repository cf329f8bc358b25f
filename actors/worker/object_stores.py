"""The object stores that URLs of inputs and outputs name, each opened once."""

from __future__ import annotations

from functools import lru_cache

from reelyard.actors.jobs.locations import ObjectUrl, scheme_of
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage, open_url
from reelyard.cluster.storage.protocol import BUCKET_SCHEMES


def open_store(location: ObjectUrl, settings: Settings) -> Storage:
    """The store of the bucket that `location` names.

    The settings' options count where own storage is of the same kind, or on a disk.
    Raises `BadRequest`.
    """
    own = scheme_of(settings.storage)
    theirs = own in BUCKET_SCHEMES and own != location.scheme
    options = {} if theirs else settings.storage_options
    root = f"{location.scheme}://{location.bucket}"
    return _open(root, tuple(sorted(options.items())))


@lru_cache(maxsize=32)
def _open(root: str, options: tuple[tuple[str, str], ...]) -> Storage:
    return open_url(root, dict(options))
