"""A lease to stage and publish for, and what lies around then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from actors.jobs.messages import Lease


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


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
