"""Each invariant holds for a good run, and fails where it is broken."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.fault_run.facts import Account, Facts, StoredObject
from benchmarks.fault_run.invariants import INVARIANTS, violations
from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.model import Change, ErrorInfo, Outcome, State
from reelyard.actors.jobs.object_keys import output_key
from tests.paths import ROOT
from tests.unit.benchmarks.fault_run.made_facts import (
    BROKEN_ID,
    CANCELLED_ID,
    GOOD_ID,
    KEY,
    PRICE,
    START_MS,
    TENANT,
    answer,
    attempt,
    good_facts,
)

Break = Callable[[Facts], Facts]


def drop_job(facts: Facts) -> Facts:
    return replace(facts, jobs={k: v for k, v in facts.jobs.items() if k != GOOD_ID})


def reopen_job(facts: Facts) -> Facts:
    facts.jobs[GOOD_ID].state = State.RUNNING
    return facts


def never_accept(facts: Facts) -> Facts:
    facts.clients[0].ids.clear()
    return facts


def end_twice(facts: Facts) -> Facts:
    facts.jobs[GOOD_ID].history.append(Change(3, START_MS, State.SUCCEEDED))
    return facts


def leave_an_end(facts: Facts) -> Facts:
    facts.clients[0].states[:] = ["failed", "succeeded"]
    return facts


def tell_another_end(facts: Facts) -> Facts:
    facts.clients[0].states[:] = ["failed"]
    return facts


def fail_a_good_job(facts: Facts) -> Facts:
    facts.jobs[GOOD_ID].state = State.FAILED
    return facts


def succeed_with_a_broken_file(facts: Facts) -> Facts:
    facts.jobs[BROKEN_ID].state = State.SUCCEEDED
    return facts


def fail_for_a_wrong_reason(facts: Facts) -> Facts:
    facts.jobs[BROKEN_ID].error = ErrorInfo("worker_lost", "")
    return facts


def lose_an_output(facts: Facts) -> Facts:
    return replace(facts, objects={})


def change_an_output(facts: Facts) -> Facts:
    return replace(facts, objects={KEY: StoredObject(KEY, 5, "5b")})


def forget_outputs(facts: Facts) -> Facts:
    facts.jobs[GOOD_ID].outputs = []
    return facts


def leave_an_object(facts: Facts) -> Facts:
    key = output_key(TENANT, BROKEN_ID, "transcode", 1, "b.mp4")
    return replace(facts, objects={**facts.objects, key: StoredObject(key, 1, "")})


def keep_for_ever(facts: Facts) -> Facts:
    return replace(facts, kept=frozenset({KEY}))


def add_entry(facts: Facts, job_id: str, reason: str, credits: int) -> Facts:
    facts.ledger.append(LedgerEntry(TENANT, job_id, reason, credits, START_MS))
    left = sum(entry.credits for entry in facts.ledger)
    return replace(facts, accounts=[Account(TENANT, left, left)])


def charge_twice(facts: Facts) -> Facts:
    return add_entry(facts, GOOD_ID, "charge:2", -PRICE)


def refund_a_success(facts: Facts) -> Facts:
    return add_entry(facts, GOOD_ID, "refund", PRICE)


def charge_nobody(facts: Facts) -> Facts:
    return add_entry(facts, "gone", "charge", -PRICE)


def charge_another_price(facts: Facts) -> Facts:
    facts.jobs[GOOD_ID].credits = PRICE + 1
    return facts


def tell_another_balance(facts: Facts) -> Facts:
    return replace(facts, accounts=[replace(facts.accounts[0], told=1)])


def lead_to_two_jobs(facts: Facts) -> Facts:
    facts.clients[0].ids.append(BROKEN_ID)
    return facts


def make_a_second_job(facts: Facts) -> Facts:
    facts.jobs[BROKEN_ID].metadata = {"number": 0}
    return facts


def make_a_job_unasked(facts: Facts) -> Facts:
    facts.jobs[BROKEN_ID].metadata = {}
    return facts


def go_on_after_a_cancel(facts: Facts) -> Facts:
    facts.jobs[CANCELLED_ID].state = State.SUCCEEDED
    return facts


def cancel_unasked(facts: Facts) -> Facts:
    facts.jobs[GOOD_ID].state = State.CANCELLED
    return facts


def repeat_a_fence(facts: Facts) -> Facts:
    facts.jobs[GOOD_ID].tasks[0].attempts[1].fence = 1
    return facts


def run_two_attempts_at_once(facts: Facts) -> Facts:
    facts.jobs[GOOD_ID].tasks[0].attempts[1].started_ms = START_MS + 2_500
    return facts


def hold_a_lease(facts: Facts) -> Facts:
    return replace(facts, running=1)


def run_on(facts: Facts) -> Facts:
    facts.jobs[GOOD_ID].tasks[0].attempts.append(attempt(3, Outcome.RUNNING))
    return facts


def outlive_the_cluster(facts: Facts) -> Facts:
    return replace(facts, faults=[replace(facts.faults[0], trouble="haproxy outlived it")])


def stay_at_the_end(facts: Facts) -> Facts:
    return replace(facts, trouble=["reelyard up had not ended"])


def never_recover(facts: Facts) -> Facts:
    return replace(facts, faults=[replace(facts.faults[0], recovered_s=None)])


def answer_500(facts: Facts) -> Facts:
    return replace(facts, answers=[answer(500)])


def answer_a_strange_404(facts: Facts) -> Facts:
    return replace(facts, answers=[answer(404)])


def say_no_time_to_come_again(facts: Facts) -> Facts:
    return replace(facts, answers=[answer(503)])


def speak_another_dialect(facts: Facts) -> Facts:
    return replace(facts, answers=[answer(503, retry_after="2", well_formed=False)])


def say_nothing_in_json(facts: Facts) -> Facts:
    return replace(facts, answers=[answer(200, well_formed=False)])


def hang(facts: Facts) -> Facts:
    return replace(facts, answers=[answer(-1)])


BREAKS: dict[str, list[Break]] = {
    "nothing is lost": [drop_job, reopen_job, never_accept],
    "one end": [end_twice, leave_an_end, tell_another_end],
    "the right end": [fail_a_good_job, succeed_with_a_broken_file, fail_for_a_wrong_reason],
    "results are whole": [lose_an_output, change_an_output, forget_outputs],
    "no orphans": [leave_an_object, keep_for_ever],
    "charged once": [
        charge_twice,
        refund_a_success,
        charge_nobody,
        charge_another_price,
        tell_another_balance,
    ],
    "one job a key": [lead_to_two_jobs, make_a_second_job, make_a_job_unasked],
    "cancelled stays cancelled": [go_on_after_a_cancel, cancel_unasked],
    "one attempt at a time": [repeat_a_fence, run_two_attempts_at_once],
    "nothing is left": [hold_a_lease, run_on, outlive_the_cluster, stay_at_the_end, never_recover],
    "right answers": [
        answer_500,
        answer_a_strange_404,
        say_no_time_to_come_again,
        speak_another_dialect,
        say_nothing_in_json,
        hang,
    ],
}


def test_a_good_run_violates_nothing() -> None:
    assert violations(good_facts()) == []


def test_every_invariant_is_tried() -> None:
    assert BREAKS.keys() == INVARIANTS.keys()


@pytest.mark.parametrize(
    ("invariant", "broken"), [(name, one) for name, breaks in BREAKS.items() for one in breaks]
)
def test_an_invariant_fails_where_it_is_broken(invariant: str, broken: Break) -> None:
    found = violations(broken(good_facts()))
    assert invariant in {violation.invariant for violation in found}


def test_what_a_lost_attempt_has_stored_is_no_orphan_as_the_sweep_will_find_it() -> None:
    facts = good_facts()
    key = output_key(TENANT, GOOD_ID, "transcode", 1, "a.mp4")
    facts = replace(facts, objects={**facts.objects, key: StoredObject(key, 1, "")})
    assert violations(facts) == []
    facts.jobs[GOOD_ID].outputs_expire_ms = None
    assert {violation.invariant for violation in violations(facts)} == {"no orphans"}


def test_a_right_refusal_and_a_closed_connection_are_no_violations() -> None:
    answers = [answer(409, allowed=frozenset({409})), answer(0), answer(202)]
    assert violations(replace(good_facts(), answers=answers)) == []


def test_a_violation_names_its_job() -> None:
    (found,) = violations(end_twice(good_facts()))
    assert (found.invariant, found.job_id) == ("one end", GOOD_ID)
    assert "2 times" in found.what


def test_the_page_of_guarantees_names_every_invariant_as_it_is_called() -> None:
    page = (ROOT / "docs/guarantees.md").read_text()
    named = set(re.findall(r"`faults`: ([a-z]+(?: [a-z]+)*)", page))
    assert named - {"the outage by fault"} == set(INVARIANTS)
