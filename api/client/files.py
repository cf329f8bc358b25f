"""Bytes on their way to or from this machine's disk: uploads' pieces, and outputs, whole or not
at all."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2

from reelyard.actors.jobs.locations import WebUrl, parse_location
from reelyard.api.client.answers import error_of
from reelyard.cluster.errors import OutputUnwritable, SourceNotFound, SourceUnreadable, Unavailable
from reelyard.cluster.storage import part_name


def copy_file(source: Path, target: Path) -> None:
    """Copy an output that lies on this machine; onto itself, nothing happens.

    Raises `SourceNotFound`, `OutputUnwritable`.
    """
    if not source.is_file():
        raise SourceNotFound(f"the output {source} is not there any more")
    try:
        if not target.exists() or not target.samefile(source):
            shutil.copyfile(source, target)
    except OSError as error:
        raise OutputUnwritable(f"{target} can't be written: {error.strerror}") from error


async def save_url(http: httpx2.AsyncClient, url: str, path: Path) -> None:
    """Download `url` to `path`, which appears whole or not at all.

    Raises `OutputUnwritable`, `Unavailable`, and `SourceUnreadable` for what is not http(s).
    """
    if not isinstance(parse_location(url), WebUrl):
        raise SourceUnreadable(f"{url} can't be downloaded from here; read it where it lies")
    part = path.with_name(part_name(path.name, ".part"))
    try:
        async with http.stream("GET", url, follow_redirects=True) as answer:
            if answer.status_code != 200:
                await answer.aread()
                raise error_of(answer)
            await _write(part, answer.aiter_bytes(1 << 20))
        await asyncio.to_thread(part.replace, path)
    except httpx2.TransportError as error:
        reason = str(error) or type(error).__name__
        raise Unavailable(f"the download of {path.name} broke: {reason}") from error
    except OSError as error:
        raise OutputUnwritable(f"{path} can't be written: {error.strerror}") from error
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)


def read_at(path: Path, offset: int, size: int) -> bytes:
    """A piece of a file."""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)


async def _write(path: Path, data: AsyncIterator[bytes]) -> None:
    file = await asyncio.to_thread(path.open, "wb")
    try:
        async for chunk in data:
            await asyncio.to_thread(file.write, chunk)
    finally:
        await asyncio.to_thread(file.close)
