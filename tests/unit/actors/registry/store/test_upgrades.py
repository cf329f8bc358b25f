"""Records of the version before are read in today's form."""

from __future__ import annotations

import copy

from reelyard.actors.jobs.model import Job, State
from reelyard.actors.registry.store.records import decode_jobs, encode_job
from tests.unit.actors.registry.old_records import OldRecord, ended_record, running_record

TODAY = {
    "kind": "video",
    "preset": "mobile",
    "strategy": "video-mp4-h264",
    "content_type": "video/mp4",
    "filename": "clip.mp4",
    "input_bytes": 1000,
    "output_bytes": 400,
    "saved_bytes": 600,
    "saved_percent": 60.0,
    "input_duration_s": 10.5,
    "output_duration_s": 10.5,
    "input_width": 1920,
    "output_width": 900,
}


def read(record: OldRecord) -> Job:
    (job,) = decode_jobs([(b"id", record.doc)]).values()
    return job


def test_an_ended_job_has_its_sizes_in_fields_and_its_result_in_snake_case() -> None:
    job = read(ended_record())
    assert (job.state, job.credits, job.rev) == (State.SUCCEEDED, 1, 1)
    assert job.input_bytes == 1000
    assert job.extra == {"preset": "mobile", "filename": "clip.mp4", "content_type": "video/mp4"}
    assert (job.result, job.tasks[0].result) == (TODAY, TODAY)


def test_a_running_job_keeps_the_size_of_its_input() -> None:
    job = read(running_record())
    assert (job.state, job.input_bytes, job.result) == (State.RUNNING, 1000, None)


def test_the_results_of_a_graph_are_read_one_by_one() -> None:
    (first,) = read(ended_record()).tasks
    old = {name.replace("input_bytes", "inputBytes"): n for name, n in TODAY.items()}
    other = copy.deepcopy(first)
    first.result, other.name, other.operation = old, "other", "elsewhere"
    other.result = {"inputBytes": 7}
    job = read(ended_record(tasks=[first, other], result={"optimize": old, "other": other.result}))
    assert job.result == {"optimize": TODAY, "other": {"inputBytes": 7}}


def test_a_record_of_today_is_left_as_it_is() -> None:
    job = read(ended_record())
    before = copy.deepcopy(job)
    assert decode_jobs([(b"id", encode_job(job))]) == {b"id": before}
