"""What a caller of the Python client asks for, in the words of `POST /v1/jobs`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from actors.jobs.locations import File, is_location
from cluster.errors import InvalidInput, ValidationFailed

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
    """A `JobRequest`; several inputs in one call belong to one job (a concatenation, say).

    Raises `InvalidInput` for what is neither text nor a path.
    """
    inputs = (input,) if isinstance(input, str | os.PathLike) else tuple(input)
    for item in inputs:
        _check_input(item)
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


def _check_input(item: object) -> None:
    if not isinstance(item, str | os.PathLike) or not os.fspath(item):
        raise InvalidInput(f"input: {item!r} is neither a path nor a URL")


def in_folder(output: InputLike | None, inputs: Sequence[InputLike]) -> str | None:
    """`output` as the folder for one job for each of `inputs`.

    Raises `ValidationFailed` where two of them would be written to the same file in it.
    """
    if output is None:
        return None
    folder = os.fspath(output).removesuffix("/") + "/"
    first: dict[str, InputLike] = {}
    for item in inputs:
        # Outputs are called after their input: a.mov and a.mkv both become a.mp4.
        stem = Path(os.fspath(item)).stem
        if stem in first:
            raise ValidationFailed(
                f"output: {os.fspath(first[stem])} and {os.fspath(item)} would be written to the "
                f"same file in {folder}; give each an output of its own"
            )
        first[stem] = item
    return folder


def local_url(source: InputLike) -> str:
    """A URL or location as text stays; a path becomes an absolute `file:` URL, a trailing slash
    kept."""
    text = os.fspath(source)
    if isinstance(source, str) and is_location(text):
        return text
    path = Path(text).expanduser().absolute()
    return str(File.at(path, folder=text.endswith("/")))
