"""The way to the cluster that a client stands on: the same calls and answers over Ray and HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from reelyard.actors.jobs.model import State
from reelyard.api.client.request import JobRequest
from reelyard.api.client.views import JobView, OutputView
from reelyard.cluster.errors import ReelyardError, ValidationFailed

type Answer = JobView | ReelyardError
"""The item of a list call: a job, or why this one was refused."""


class JobFilter(msgspec.Struct, frozen=True):
    """Which jobs a listing shows; None means any."""

    state: State | None = None
    operation: str | None = None
    input: str | None = None
    created_from_ms: int | None = None
    """Inclusive."""
    created_to_ms: int | None = None
    """Inclusive."""


def job_filter(
    state: str | None = None,
    operation: str | None = None,
    input: str | None = None,
    created_after: datetime | str | None = None,
    created_before: datetime | str | None = None,
) -> JobFilter:
    """The filter that these words mean; times without a zone are UTC. Raises `ValidationFailed`."""
    return JobFilter(_state(state), operation, input, _ms(created_after), _ms(created_before))


def _state(word: str | None) -> State | None:
    try:
        return State(word) if word is not None else None
    except ValueError:
        raise ValidationFailed(
            f"state: {word!r} is none of {', '.join(state.value for state in State)}"
        ) from None


def _ms(time: datetime | str | None) -> int | None:
    if time is None:
        return None
    try:
        moment = datetime.fromisoformat(time) if isinstance(time, str) else time
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0, round(aware.timestamp() * 1000))
    except (ValueError, OverflowError):
        raise ValidationFailed(f"{time!r} is no ISO 8601 time, like 2030-01-31T12:00:00Z") from None


class Transport(Protocol):
    """What `AsyncClient` stands on."""

    async def submit_many(self, requests: Sequence[JobRequest]) -> list[Answer]:
        """Submit in batches; each answered job is durable, and shown as it was accepted. Order is
        kept."""

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, JobView]:
        """The jobs that exist, by id."""

    async def wait(self, job_id: str, timeout_s: float) -> JobView:
        """The job when it has ended, or as it stands after `timeout_s`. Raises `NotFound`."""

    async def page(
        self, which: JobFilter, limit: int, cursor: str | None
    ) -> tuple[list[JobView], str | None]:
        """A page of whole jobs, newest first, and the cursor of the next one."""

    async def cancel_many(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        """Cancel; a job that has already ended is refused with `AlreadyFinished`."""

    async def retry_many(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        """Make a new attempt of failed jobs."""

    async def overview(self) -> dict[str, Any]:
        """Pools, queues, running jobs, throughput (operators only)."""

    async def download(self, output: OutputView, path: Path) -> None:
        """Write an output's bytes to `path`."""

    async def create_key(self, key: dict[str, Any]) -> dict[str, Any]:
        """A new API key, described as `POST /v1/admin/keys` takes it: `key` (shown this once),
        `key_id`, `tenant`, `name`."""

    async def rotate_key(self, key_id: str, overlap_s: float) -> dict[str, Any]:
        """A fresh key in another one's place. Raises `NotFound`, `Conflict`."""

    async def list_keys(self) -> list[dict[str, Any]]:
        """All API keys, without the keys themselves."""

    async def revoke_key(self, key_id: str) -> dict[str, Any]:
        """Make a key worthless. Raises `NotFound`."""

    async def close(self) -> None:
        """Let go of connections, and of a cluster that this client started."""
