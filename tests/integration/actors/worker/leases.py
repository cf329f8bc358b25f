"""Leases to stage and publish for, and the files that come of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from reelyard.actors.jobs.messages import Lease
from reelyard.actors.jobs.model import OutputFile
from reelyard.actors.media.operation import MediaFile, Result
from reelyard.actors.worker.publishing import publish
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage


class MakeFile(Protocol):
    """Makes a file as an operation leaves it."""

    def __call__(self, name: str = "clip.mp4", data: bytes = b"video") -> MediaFile: ...


def lease(*inputs: str, output: str | None = None, fence: int = 1) -> Lease:
    return Lease(
        job_id="job",
        task="transcode",
        fence=fence,
        tenant="t",
        operation="transcode",
        params={},
        inputs=list(inputs),
        output=output,
        ttl_s=30,
    )


async def outputs_of(
    lease: Lease, result: Result, settings: Settings, storage: Storage
) -> list[OutputFile]:
    """Publish; what the commit would tell of it."""
    return (await publish(lease, result, settings, storage)).outputs


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
