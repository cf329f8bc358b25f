"""Records on their way across Ray."""

from __future__ import annotations

import pickle

from reelyard.actors.jobs.messages import Accepted, Refusal, Verdict
from reelyard.actors.jobs.model import State
from reelyard.actors.registry import pickling
from reelyard.cluster.errors import Conflict
from tests.unit.actors.registry.builders import make_job


def test_packed_records_arrive_as_plain_containers() -> None:
    job = make_job(metadata={"a": 1})
    accepted, refused = Accepted(job), Refusal.of(Conflict("no"))
    for packed, arrives in (
        (pickling.pack_one(job), job),
        (pickling.pack_list([accepted, accepted]), [accepted, accepted]),
        (pickling.pack_list([accepted, refused]), [accepted, refused]),
        (pickling.pack_list([]), []),
        (pickling.pack_dict({"x": job, "y": refused}), {"x": job, "y": refused}),
    ):
        assert pickle.loads(pickle.dumps(packed)) == arrives


def test_records_may_change_once_they_are_packed() -> None:
    job = make_job()
    packed = pickling.pack_list([job])
    job.state = State.FAILED
    assert pickle.loads(pickle.dumps(packed))[0].state is State.QUEUED


def test_every_answer_of_a_list_call_can_be_packed() -> None:
    verdict = Verdict("j", "t", 1, accepted=False, stop=True)
    assert pickle.loads(pickle.dumps(pickling.pack_list([verdict]))) == [verdict]
    assert isinstance(Refusal.of(Conflict("no")), Refusal)
