"""Stored records: what this version and earlier ones have written."""

from __future__ import annotations

from typing import Any

import msgspec

from reelyard.actors.registry.store.records import decode_jobs, encode_job
from tests.unit.actors.registry.builders import make_job


def as_stored(**changes: Any) -> bytes:
    """A job's record with fields that this version does not write."""
    record: dict[str, Any] = msgspec.msgpack.decode(encode_job(make_job(operation="probe")))
    return msgspec.msgpack.encode(record | changes)


def test_a_record_with_fields_of_another_version_is_read() -> None:
    earlier = as_stored(callbacks=[{"url": "https://example.com"}], invented="later")
    (job,) = decode_jobs([(b"id", earlier)]).values()
    assert job.operation == "probe"


def test_a_record_that_lacks_what_has_a_default_is_read() -> None:
    record: dict[str, Any] = msgspec.msgpack.decode(as_stored())
    for name in ("history", "metadata", "credits", "refunded"):
        del record[name]
    (job,) = decode_jobs([(b"id", msgspec.msgpack.encode(record))]).values()
    assert (job.history, job.metadata, job.credits, job.refunded) == ([], {}, 0, False)


def test_a_record_that_can_not_be_read_is_left_out() -> None:
    found = decode_jobs([(b"bad", b"\x00"), (b"good", as_stored())])
    assert list(found) == [b"good"]
