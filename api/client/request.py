"""Requests of the Python client, and what they ask: a body of `POST /v1/jobs`, or a JobSpec."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from actors.jobs.locations import is_location
from actors.jobs.model import JobSpec
from cluster.errors import InvalidInput, ValidationFailed
from cluster.url_secrets import hide_secrets

#: whose jobs those are that come over Ray
TENANT = "default"

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
    url = Path(text).expanduser().absolute().as_uri()
    return url + "/" if text.endswith("/") else url


def body_of(item: JobRequest, inputs: list[str], output: InputLike | None) -> dict[str, Any]:
    """The request as an item of `POST /v1/jobs:batch`, its inputs and output being there."""
    body: dict[str, Any] = {
        "operation": item.operation,
        "inputs": inputs,
        "params": item.params,
        "priority": item.priority,
        "metadata": item.metadata,
    }
    if output is not None:
        body["output"] = os.fspath(output)
    if item.pool is not None:
        body["pool"] = item.pool
    if item.idempotency_key is not None:
        body["idempotency_key"] = item.idempotency_key
    return body


def spec_of(item: JobRequest) -> JobSpec:
    """What the request asks of the registry, from a program that shares a disk with the workers;
    paths become absolute."""
    inputs = [local_url(source) for source in item.inputs]
    output = local_url(item.output) if item.output is not None else None
    return JobSpec(
        operation=item.operation,
        inputs=inputs,
        input=os.fspath(item.inputs[0]) if item.inputs else "",
        params=item.params,
        output=output,
        output_sent=os.fspath(item.output) if item.output is not None else None,
        tenant=TENANT,
        dialect="python",
        priority=item.priority,
        pool=item.pool,
        metadata=item.metadata,
        idempotency_key=item.idempotency_key,
        fingerprint=_fingerprint([item.operation, inputs, item.params, output])
        if item.idempotency_key
        else "",
    )


def _fingerprint(asked: list[Any]) -> str:
    shown = hide_secrets(asked)
    return hashlib.sha256(msgspec.json.encode(shown, order="deterministic")).hexdigest()
