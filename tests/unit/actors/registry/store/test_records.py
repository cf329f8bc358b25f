"""Stored records: what this version and earlier ones have written."""

from __future__ import annotations

from typing import Any

import msgspec

from reelyard.actors.jobs.model import Job, Task
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
    del record["history"]
    (job,) = decode_jobs([(b"id", msgspec.msgpack.encode(record))]).values()
    assert (job.history, job.metadata, job.credits, job.refunded) == ([], {}, 0, False)


def test_a_record_holds_only_what_differs_from_the_defaults() -> None:
    job = make_job()
    record: dict[str, Any] = msgspec.msgpack.decode(encode_job(job))
    names = {field.name for field in msgspec.structs.fields(Job)}
    assert {"id", "tenant", "operation", "tasks", "created_ms"} <= record.keys() < names
    assert not {"metadata", "extra", "error", "priority", "refunded"} & record.keys()


def test_a_record_with_each_default_written_down_is_read_as_one_without() -> None:
    job = make_job(operation="probe")
    in_full = msgspec.structs.asdict(job)
    in_full["tasks"] = [msgspec.structs.asdict(task) for task in job.tasks]
    records = [(b"full", msgspec.msgpack.encode(in_full)), (b"short", encode_job(job))]
    assert list(decode_jobs(records).values()) == [job, job]


def test_the_defaults_that_records_rely_on_stay_as_they_are() -> None:
    # Records leave them out: another default would change what is stored already.
    bare = Task("a", "probe", {}, [], "cpu")
    assert msgspec.to_builtins(bare) == {
        "name": "a",
        "operation": "probe",
        "params": {},
        "inputs": [],
        "pool": "cpu",
    }
    assert (bare.needs, bare.state, bare.attempts, bare.progress) == ([], "queued", [], 0.0)
    assert (bare.not_before_ms, bare.created_ms, bare.updated_ms) == (0, 0, 0)
    job = Job("id", "t", "v1", "probe", "data", "", {}, [bare], 1)
    assert (job.state, job.priority, job.updated_ms, job.expires_ms) == ("queued", 0, 0, 0)
    assert (job.credits, job.refunded, job.secrets_hidden, job.rev) == (0, False, False, 0)


def test_a_record_that_can_not_be_read_is_left_out() -> None:
    found = decode_jobs([(b"bad", b"\x00"), (b"good", as_stored())])
    assert list(found) == [b"good"]
