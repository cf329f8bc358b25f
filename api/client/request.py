"""What a caller of the Python client asks for, in the words of `POST /v1/jobs`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

type InputLike = str | os.PathLike[str]


class JobRequest(msgspec.Struct, frozen=True):
    """One job to submit."""

    operation: str
    inputs: tuple[InputLike, ...] = ()
    """URLs or locations as text; a `Path` is a file of this machine."""
    params: dict[str, Any] = {}
    output: InputLike | None = None
    """Destination; None: the cluster's own storage. A trailing `/` means a folder."""
    priority: int = 0
    pool: str | None = None
    metadata: dict[str, Any] = {}
    idempotency_key: str | None = None


def request(
    operation: str,
    input: InputLike | Sequence[InputLike],
    *,
    params: dict[str, Any] | None = None,
    output: InputLike | None = None,
    priority: int = 0,
    pool: str | None = None,
    metadata: dict[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> JobRequest:
    """A `JobRequest`; several inputs in one call belong to one job (a concatenation, say)."""
    inputs = (input,) if isinstance(input, str | os.PathLike) else tuple(input)
    return JobRequest(
        operation=operation,
        inputs=inputs,
        params=params or {},
        output=output,
        priority=priority,
        pool=pool,
        metadata=metadata or {},
        idempotency_key=idempotency_key,
    )


def local_url(source: InputLike) -> str:
    """A URL stays; a path becomes an absolute `file:` URL, a trailing slash kept."""
    text = os.fspath(source)
    if "://" in text or text.startswith(("upload:", "storage:", "job:")):
        return text
    url = Path(text).expanduser().absolute().as_uri()
    return url + "/" if text.endswith("/") else url
