"""One log line for each change of a job's state.

Thousands a second: where logs are JSON, lines are made here directly, with the same fields as
structlog's, one `write` for a batch. They hold ids, states and codes only, nothing to hide.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec
import structlog

from reelyard.actors.jobs.model import Job, State

EVENT = "job_state"
REFRESH_BATCHES = 256

_encoder = msgspec.json.Encoder()
_log = structlog.get_logger(__name__)


class StateLog:
    """Writes where structlog writes, if that is JSON on a stream; else through structlog."""

    def __init__(self) -> None:
        self._stream: TextIO | None = None
        self._enabled = True
        self._batches = 0

    def write(self, changes: Sequence[tuple[Job, State | None, State]]) -> None:
        """Log those of the changes (job, state before, state after) that changed the state."""
        moved = [(job, state) for job, was, state in changes if state is not was]
        if not moved:
            return
        if self._batches % REFRESH_BATCHES == 0:
            self._look()
        self._batches += 1
        if not self._enabled:
            return
        if self._stream is None:
            for job, state in moved:
                _log.info(EVENT, **_fields(job, state))
            return
        stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        rest = {"event": EVENT, "process": "registry", "level": "info", "timestamp": stamp}
        lines = [_encoder.encode(_fields(job, state) | rest) for job, state in moved]
        self._stream.write(b"\n".join(lines).decode() + "\n")

    def _look(self) -> None:
        """Find out how logs are written in this process; it may have been set up since."""
        config = structlog.get_config()
        is_json = isinstance(config["processors"][-1], structlog.processors.JSONRenderer)
        self._stream = getattr(config["logger_factory"], "_file", None) if is_json else None
        self._enabled = bool(_log.is_enabled_for(logging.INFO))
        if is_json and self._stream is None:
            self._stream = sys.stderr


def _fields(job: Job, state: State) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "job_id": job.id,
        "state": str(state),
        "operation": job.operation,
        "tenant": job.tenant,
    }
    if state is State.FAILED and job.error is not None:
        fields["code"] = job.error.code
    return fields
