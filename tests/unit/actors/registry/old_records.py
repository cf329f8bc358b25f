"""A record as the version before wrote it: sizes and totals in `extra`, `optimize` in camelCase."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import msgspec
import pytest

from reelyard.actors.jobs.ids import new_id
from reelyard.actors.jobs.model import Job, State
from reelyard.actors.registry.store import records
from reelyard.actors.registry.store.protocol import JobStore, Write
from tests.unit.actors.registry.builders import START_MS, make_job

_OUTPUT: dict[str, Any] = {
    "name": "clip.mp4",
    "url": "storage:tenants/acme/jobs/x/optimize-1/clip.mp4",
    "size": 400,
    "sha256": "0" * 64,
    "content_type": "video/mp4",
    "kind": "video",
    "facts": {"duration_s": 10.5, "width": 900},
    "expires_ms": START_MS + 1000,
    "deleted": False,
}
_RESULT: dict[str, Any] = {
    "kind": "video",
    "preset": "mobile",
    "strategy": "video-mp4-h264",
    "contentType": "video/mp4",
    "filename": "clip.mp4",
    "inputBytes": 1000,
    "outputBytes": 400,
    "savedBytes": 600,
    "savedPercent": 60.0,
    "inputDurationSec": 10.5,
    "outputDurationSec": 10.5,
    "inputWidth": 1920,
    "outputWidth": 900,
}
_TASK: dict[str, Any] = {
    "name": "optimize",
    "operation": "optimize",
    "params": {"preset": "mobile", "media": "video"},
    "inputs": ["storage:tenants/acme/uploads/u/data"],
    "pool": "cpu",
    "needs": [],
    "output": None,
    "state": "succeeded",
    "attempts": [
        {
            "fence": 1,
            "worker": "slot",
            "node": "node",
            "pool": "cpu",
            "started_ms": START_MS + 1,
            "ended_ms": START_MS + 5,
            "outcome": "succeeded",
            "error": None,
            "incarnation": "",
        }
    ],
    "progress": 100.0,
    "phase": None,
    "speed": None,
    "eta_s": None,
    "outputs": [_OUTPUT],
    "result": _RESULT,
    "error": None,
    "not_before_ms": 0,
    "created_ms": START_MS,
    "started_ms": START_MS + 1,
    "finished_ms": START_MS + 5,
    "updated_ms": START_MS + 5,
}
_JOB: dict[str, Any] = {
    "tenant": "acme",
    "dialect": "pipelyn",
    "operation": "optimize",
    "kind": "video",
    "input": "clip.mp4",
    "params": {"preset": "mobile", "media": "video"},
    "tasks": [_TASK],
    "created_ms": START_MS,
    "output": None,
    "state": "succeeded",
    "priority": 0,
    "metadata": {},
    "extra": {
        "preset": "mobile",
        "filename": "clip.mp4",
        "input_bytes": 1000,
        "content_type": "video/mp4",
        "totals": {
            "output_bytes": 400,
            "input_bytes": 1000,
            "saved_bytes": 600,
            "compared_jobs": 1,
            "compared_output_bytes": 400,
        },
    },
    "callbacks": [],
    "started_ms": START_MS + 1,
    "finished_ms": START_MS + 5,
    "updated_ms": START_MS + 5,
    "expires_ms": START_MS + 31 * 86_400_000,
    "outputs_expire_ms": START_MS + 86_400_000,
    "result": _RESULT,
    "outputs": [_OUTPUT],
    "error": None,
    "credits": 1,
    "refunded": False,
    "rev": 1,
    "history": [{"seq": 1, "at_ms": START_MS, "state": "queued", "note": ""}],
}


class OldRecord(NamedTuple):
    """A job's id and its bytes."""

    job_id: str
    doc: bytes


def ended_record(**changes: Any) -> OldRecord:
    """Of a job of Pipelyn's that has succeeded."""
    fields = {"id": new_id(), **copy.deepcopy(_JOB), **changes}
    return OldRecord(fields["id"], msgspec.msgpack.encode(fields))


def running_record() -> OldRecord:
    """Of the same job while it ran: no outputs yet, and no totals."""
    begun: dict[str, Any] = {"outputs": [], "result": None, "finished_ms": None, "state": "running"}
    task = _TASK | begun | {"progress": 0.0}
    extra = {name: value for name, value in _JOB["extra"].items() if name != "totals"}
    return ended_record(**begun, tasks=[task], extra=extra, outputs_expire_ms=None)


class _OldEncoder:
    """Writes one record, whatever it is given."""

    def __init__(self, record: OldRecord) -> None:
        self._record = record

    def encode(self, job: Job) -> bytes:
        assert job.id == self._record.job_id
        return self._record.doc


async def put_record(store: JobStore, record: OldRecord, state: State) -> None:
    """Store the record under today's index rows."""
    job = make_job(
        id=record.job_id,
        tenant="acme",
        operation="optimize",
        kind="video",
        input="clip.mp4",
        state=state,
        rev=1,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_encoder", _OldEncoder(record))
        writing = store.write([Write(job, 0)])
    assert await writing == [True]
