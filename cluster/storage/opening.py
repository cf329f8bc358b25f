"""The way from a URL to the store that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reelyard.cluster.errors import BadRequest
from reelyard.cluster.storage.local import LocalStorage
from reelyard.cluster.storage.protocol import Storage


def open_url(url: str, options: Mapping[str, str] | None = None) -> Storage:
    """The store at `url`: `file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix`,
    `az://container/prefix` (with the option account_name), or `memory://name` (kept in this
    process).

    `options` are those of the object store (endpoint, region, access_key_id,
    secret_access_key, skip_signature …) and of its client (allow_http, timeout,
    connect_timeout, root_certificate …), all as strings. Raises `BadRequest` on an unknown
    scheme or option.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise BadRequest(f"storage: a file URL needs an absolute path, not {url!r}")
        return LocalStorage(Path(unquote(parts.path)))
    # Not needed where everything lies on a disk.
    from reelyard.cluster.storage.remote import RemoteStorage

    return RemoteStorage(url, dict(options or {}))
