"""Requests of the Python client, and what they ask: a body of `POST /v1/jobs`, or a JobSpec."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec

from reelyard.actors.jobs.locations import is_location
from reelyard.actors.jobs.model import JobSpec
from reelyard.cluster.errors import InvalidInput, ReelyardError, ValidationFailed
from reelyard.cluster.faults import wrong
from reelyard.cluster.readable_text import readable
from reelyard.cluster.url_secrets import hide_secrets

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

    Raises `InvalidInput` for what is neither text nor a path, `ValidationFailed` for parameters or
    metadata that JSON can't carry.
    """
    inputs = _inputs_of(input)
    for item in inputs:
        _check_input(item)
    for field, value in (("params", params), ("metadata", metadata)):
        _check_object(field, value)
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


def many_requests(
    operation: str, inputs: Sequence[InputLike], *, output: InputLike | None = None, **rest: Any
) -> list[JobRequest | ReelyardError]:
    """A request for one job for each input, their outputs in the folder `output`; in place of one
    that can't be sent, why. `rest`: as for `request`."""
    folder = None if output is None else folder_of(output)
    wanted: list[JobRequest | ReelyardError] = []
    for item in inputs:
        try:
            _check_input(item)
            wanted.append(request(operation, item, output=folder, **rest))
        except ReelyardError as error:
            wanted.append(error)
    if output is not None:
        good = [place for place, one in enumerate(wanted) if isinstance(one, JobRequest)]
        for place, clash in clashes(output, [inputs[place] for place in good]).items():
            wanted[good[place]] = clash
    return wanted


def _inputs_of(given: object) -> tuple[InputLike, ...]:
    # Whatever else a program hands over is one input, of which the check then speaks.
    if isinstance(given, str | bytes | os.PathLike) or not isinstance(given, Iterable):
        return (cast("InputLike", given),)
    return tuple(cast("Iterable[InputLike]", given))


def _check_input(item: object) -> None:
    if not isinstance(item, str | os.PathLike) or not os.fspath(item):
        told = f"input: {item!r} is neither a path nor a URL"
        raise InvalidInput(told, details={"field": "input", "allowed": "a path or a URL"})


def _check_object(field: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise wrong(field, f"must be a dict, not {value!r}", value, "dict")
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        raise wrong(field, f"can't be sent as JSON: {error}") from None


def in_folder(output: InputLike | None, inputs: Sequence[InputLike]) -> str | None:
    """`output` as the folder for one job for each of `inputs`.

    Raises `ValidationFailed` where two of them would be written to the same file in it.
    """
    if output is None:
        return None
    for clash in clashes(output, inputs).values():
        raise clash
    return folder_of(output)


def folder_of(output: InputLike) -> str:
    """`output` as a folder: with one slash at its end."""
    return os.fspath(output).removesuffix("/") + "/"


def clashes(output: InputLike, inputs: Sequence[InputLike]) -> dict[int, ValidationFailed]:
    """The places of those `inputs` whose output would be written over that of an earlier one in
    the folder `output`, with what to say of it."""
    first: dict[str, int] = {}
    found: dict[int, ValidationFailed] = {}
    for place, item in enumerate(inputs):
        # Outputs are called after their input: a.mov and a.mkv both become a.mp4.
        earlier = first.setdefault(Path(os.fspath(item)).stem, place)
        if earlier != place:
            first_item = os.fspath(inputs[earlier])
            found[place] = ValidationFailed(
                f"output: {first_item} and {os.fspath(item)} would be written to the same file in "
                f"{folder_of(output)}; give each an output of its own"
            )
    return found


def local_url(source: InputLike) -> str:
    """A URL or location as text stays; a path becomes an absolute `file:` URL, a trailing slash
    kept."""
    text = os.fspath(source)
    if isinstance(source, str) and is_location(text):
        return text
    url = expanded(text).absolute().as_uri()
    return url + "/" if text.endswith("/") else url


def expanded(text: str) -> Path:
    """The path `text`, with `~` and `~user` as the home that they mean."""
    path = Path(text)
    # `~name.mp4` is the home of no user, but may be a file.
    with suppress(RuntimeError):
        path = path.expanduser()
    return path


def sent_as(source: InputLike) -> str:
    """The input or output as its job remembers it: as it was written, or, where that is not UTF-8,
    as its URL."""
    text = os.fspath(source)
    return text if readable(text) == text else local_url(source)


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
        body["output"] = sent_as(output)
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
        input=sent_as(item.inputs[0]) if item.inputs else "",
        params=item.params,
        output=output,
        output_sent=sent_as(item.output) if item.output is not None else None,
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
