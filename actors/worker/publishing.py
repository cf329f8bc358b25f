"""A task's outputs at their destination: whole or not at all, and taken back if refused."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from reelyard.actors.jobs.locations import File, ObjectUrl, Stored, WebUrl, parse_location
from reelyard.actors.jobs.messages import Lease
from reelyard.actors.jobs.model import OutputFile
from reelyard.actors.jobs.object_keys import output_key
from reelyard.actors.media.operation import MediaFile, Result
from reelyard.actors.worker.destinations import (
    AttemptDestination,
    Destination,
    FileDestination,
    Placed,
    StoreDestination,
    UrlDestination,
    file_errors,
)
from reelyard.actors.worker.object_stores import open_store
from reelyard.cluster.errors import BadRequest, OutputUnwritable, ReelyardError, UnsupportedOutput
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage


@dataclass(frozen=True)
class Published:
    """What an attempt has stored: as its commit tells it, and as it is taken back."""

    outputs: list[OutputFile] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)


async def publish(
    lease: Lease,
    result: Result,
    settings: Settings,
    storage: Storage,
    held: Callable[[], bool] = lambda: True,
) -> Published:
    """Move the files of `result` to where `lease` wants them; each appears whole or not at all.

    Without files, but with a destination, the data is stored there as JSON. If one file fails,
    those before it are taken back. `held` (asked from any thread): whether the lease still is;
    where it is not, nothing is replaced, as a newer attempt may have stored its own.
    Raises `LeaseLost`, `UnsupportedOutput` (several files for one name; before anything is
    written), `OutputUnwritable`, `StorageFull`, `TimedOut`, `Unavailable`.
    """
    if lease.output:
        destination = await asyncio.to_thread(
            _destination_of, lease, lease.output, settings, storage, held
        )
    else:
        destination = _own_storage(lease, storage)
    files = list(result.files)
    if destination.single and len(files) > 1:
        names = ", ".join(file.path.name for file in files)
        raise UnsupportedOutput(
            f"output: {len(files)} files ({names}) don't fit into one; name a folder, with a "
            "slash at its end"
        )
    if files or not (lease.output and result.data):
        return await _put_all(files, destination)
    with tempfile.TemporaryDirectory(prefix="report-", dir=_made(settings.scratch)) as folder:
        report = Path(folder, f"{lease.task}.json")
        await asyncio.to_thread(_write_json, report, result.data)
        return await _put_all([MediaFile(report, kind="data")], destination)


def _own_storage(lease: Lease, storage: Storage) -> Destination:
    return AttemptDestination(
        storage, partial(output_key, lease.tenant, lease.job_id, lease.task, lease.fence)
    )


def _destination_of(
    lease: Lease, output: str, settings: Settings, storage: Storage, held: Callable[[], bool]
) -> Destination:
    """Where the outputs of `lease` belong. Raises `OutputUnwritable`."""
    try:
        match place := parse_location(output):
            case Stored():
                return StoreDestination(storage, place, held)
            case WebUrl(url):
                return UrlDestination(url, settings, held)
            case ObjectUrl():
                return StoreDestination(open_store(place, settings), place, held)
            case File() if place.local.is_absolute():
                with file_errors(place.local):  # a name can be too long to ask about
                    folder = place.is_folder or place.local.is_dir()
                return FileDestination(
                    place.local,
                    folder=folder,
                    inputs=_local_inputs(lease),
                    tag=lease.job_id[-8:],
                    fence=lease.fence,
                    held=held,
                )
    except BadRequest as error:
        raise OutputUnwritable(f"the output {output} can't be used: {error.message}") from error
    raise OutputUnwritable(
        f"the output {output!r} is no absolute path, file, s3, gs, az or http(s) URL"
    )


def _local_inputs(lease: Lease) -> list[Path]:
    places = map(parse_location, lease.inputs)
    return [place.local for place in places if isinstance(place, File)]


async def _put_all(files: Sequence[MediaFile], destination: Destination) -> Published:
    outputs: list[OutputFile] = []
    placed: list[Placed] = []
    try:
        for file in files:
            size, sha256 = await asyncio.to_thread(_measure, file.path)
            place = await destination.put(file)
            placed.append(place)
            outputs.append(
                OutputFile(
                    name=place.name,
                    url=place.url,
                    size=size,
                    sha256=sha256,
                    content_type=file.mime,
                    kind=file.kind,
                    facts=file.facts,
                )
            )
    except BaseException:
        await _take_back(placed)
        raise
    return Published(outputs, placed)


async def unpublish(published: Published) -> None:
    """Delete what `publish` stored, because its commit was refused.

    Files in which a newer attempt has put its own meanwhile stay. Raises nothing: what can't be
    deleted now is unreachable, or replaced by the next attempt.
    """
    await _take_back(published.placed)


async def _take_back(placed: Sequence[Placed]) -> None:
    for place in placed:
        with suppress(ReelyardError):
            await place.take_back()


def _measure(path: Path) -> tuple[int, str]:
    """Size in bytes, and SHA-256 in hex."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
