"""Jobs as bytes, and a write as the flat row that a store works on."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from actors.jobs.model import Job, State
from actors.registry.facets import CODES, FIRST_TERMINAL, id_bytes
from actors.registry.interface import IdempotencyKey, LedgerEntry, Write

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Job)


def encode_job(job: Job) -> bytes:
    """The job as msgpack."""
    return _encoder.encode(job)


def decode_job(doc: bytes) -> Job:
    """The job that `encode_job` wrote. Raises `msgspec.DecodeError`."""
    return _decoder.decode(doc)


class Row(NamedTuple):
    """A write, taken down at the moment it was asked for: later changes of the job don't show."""

    id: bytes
    expected: int
    rev: int
    code: int
    """Of the state, see `facets.CODES`."""
    tenant: str
    operation: str
    kind: str
    input: str
    due_ms: int | None
    """When the record goes; None while the job is open."""
    outputs_ms: int | None
    doc: bytes
    ledger: tuple[LedgerEntry, ...]
    key: IdempotencyKey | None
    totals: dict[str, int] | None
    """What it adds to its tenant's totals, if it succeeds with this write."""

    @property
    def terminal(self) -> bool:
        return self.code >= FIRST_TERMINAL


def row_of(write: Write) -> Row:
    """Flatten a write; encodes the job."""
    job = write.job
    code = CODES[job.state]
    terminal = code >= FIRST_TERMINAL
    totals = job.extra.get("totals") if job.state is State.SUCCEEDED else None
    return Row(
        id_bytes(job.id),
        write.expected_rev,
        job.rev,
        code,
        job.tenant,
        job.operation,
        job.kind,
        job.input,
        job.expires_ms if terminal else None,
        job.outputs_expire_ms if terminal else None,
        _encoder.encode(job),
        write.ledger,
        write.key,
        totals if isinstance(totals, dict) else None,
    )
