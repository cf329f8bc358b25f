from __future__ import annotations

from dataclasses import replace

from benchmarks.fault_run.facts import FaultSeen
from benchmarks.fault_run.measures import Times, noticed_s, outage_s, ran_twice, slowest_s
from benchmarks.fault_run.schedule import Fault
from tests.unit.benchmarks.fault_run.made_facts import START_MS, answer, good_facts

KILLED = FaultSeen(Fault.HAPROXY, 10.0, START_MS, 20.0, noticed_s=0.4)


def test_an_outage_goes_from_the_first_bad_answer_to_the_last_of_its_fault() -> None:
    answers = [answer(0, 5.0), answer(0, 10.5), answer(200, 11.0), answer(503, 12.0), answer(0, 25)]
    assert round(outage_s(KILLED, answers), 3) == 1.6


def test_a_request_that_was_under_way_counts_from_the_fault_on() -> None:
    hung = replace(answer(0, 4.0), ended_s=13.0)
    assert outage_s(KILLED, [hung]) == 3.0


def test_the_slowest_answer_is_one_that_was_not_to_wait() -> None:
    slow = replace(answer(200, 9.0), ended_s=12.0)
    poll = replace(slow, path="/v1/jobs/a?wait=5", ended_s=14.0)
    assert slowest_s(KILLED, [slow, poll, answer(200, 11.0)]) == 3.0
    assert slowest_s(KILLED, []) == 0.0


def test_without_a_bad_answer_there_is_no_outage() -> None:
    answers = [answer(200, 11.0), answer(409, 12.0, allowed=frozenset({409}))]
    assert outage_s(KILLED, answers) == 0.0


def test_a_lost_worker_is_noticed_when_the_attempt_that_it_had_ends() -> None:
    facts = good_facts()
    (seen,) = facts.faults
    assert noticed_s(seen, facts.jobs.values()) == 0.5
    nothing_ran = replace(seen, at_ms=START_MS)
    assert noticed_s(nothing_ran, facts.jobs.values()) is None


def test_other_faults_are_noticed_when_something_takes_the_place() -> None:
    assert noticed_s(KILLED, []) == 0.4


def test_jobs_that_ran_twice_are_those_that_lost_an_attempt_and_got_another() -> None:
    assert ran_twice(good_facts()) == 1


def test_times_tell_the_middle_and_the_worst() -> None:
    assert Times.of([]) is None
    assert Times.of([3.0, 1.0, 2.0]) == Times(2.0, 3.0, 3.0)
