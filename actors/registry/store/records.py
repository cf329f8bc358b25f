"""Jobs as bytes, and a write as the flat row that a store works on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import structlog

from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.messages import Totals
from reelyard.actors.jobs.model import Job
from reelyard.actors.jobs.tenant_totals import totals_of
from reelyard.actors.registry.store.index import CODES, FIRST_TERMINAL, id_bytes
from reelyard.actors.registry.store.protocol import IdempotencyKey, Write
from reelyard.actors.registry.store.upgrades import upgrade

log = structlog.get_logger(__name__)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Job)


def encode_job(job: Job) -> bytes:
    """The job as msgpack."""
    return _encoder.encode(job)


def decode_jobs(docs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, Job]:
    """Jobs by their stored ids; a record that can't be read is logged and left out."""
    found: dict[bytes, Job] = {}
    for stored_id, doc in docs:
        try:
            found[stored_id] = upgrade(_decoder.decode(doc))
        except msgspec.DecodeError as error:
            log.warning("record_unreadable", job_id=stored_id.hex(), error=str(error))
    return found


class Row(NamedTuple):
    """A write, taken down at the moment it was asked for: later changes of the job don't show.

    The first four, or six, are the columns of the SQLite store, in order.
    """

    id: bytes
    rev: int
    code: int
    """Of the state, see `index.CODES`."""
    doc: bytes
    due_ms: int | None
    """When the record goes; None while the job is open."""
    outputs_ms: int | None
    expected: int
    tenant: str
    operation: str
    kind: str
    input: str
    ledger: tuple[LedgerEntry, ...]
    key: IdempotencyKey | None
    totals: Totals | None
    """What it adds to its tenant's totals, if it succeeds with this write."""

    @property
    def terminal(self) -> bool:
        return self.code >= FIRST_TERMINAL


def row_of(write: Write) -> Row:
    """Flatten a write; encodes the job."""
    job = write.job
    code = CODES[job.state]
    terminal = code >= FIRST_TERMINAL
    return Row(
        id_bytes(job.id),
        job.rev,
        code,
        encode_job(job),
        job.expires_ms if terminal else None,
        job.outputs_expire_ms if terminal else None,
        write.expected_rev,
        job.tenant,
        job.operation,
        job.kind,
        job.input,
        write.ledger,
        write.key,
        totals_of(job),
    )
