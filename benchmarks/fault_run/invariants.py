"""What must hold after a run, whatever was killed in it. Pure: facts in, violations out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.fault_run.facts import ClientLog, Facts
from benchmarks.fault_run.schedule import GOOD, Kind
from reelyard.actors.jobs.locations import stored_key
from reelyard.actors.jobs.model import Job, Outcome, State
from reelyard.actors.jobs.object_keys import attempt_folder, job_prefix

STRAYS = frozenset({Outcome.LOST, Outcome.CRASHED, Outcome.CANCELLED})
"""Attempts that may have stored files which no record names."""
CODES = {
    Kind.BROKEN: frozenset({"corrupt_media", "truncated_media", "unsupported_format"}),
    Kind.HANGING: frozenset({"source_unreadable", "timed_out"}),
    Kind.POISON: frozenset({"worker_crashed"}),
}
"""Errors that jobs of these kinds end with."""


@dataclass(frozen=True)
class Violation:
    """Something that must not be."""

    invariant: str
    job_id: str
    what: str


def nothing_is_lost(facts: Facts) -> Iterator[tuple[str, str]]:
    """Every job that was accepted is stored, and has ended."""
    for client in facts.clients:
        if not client.ids:
            yield "", f"job {client.job.number} was never accepted: {client.given_up}"
        for job_id in dict.fromkeys(client.ids):
            if job_id not in facts.jobs:
                yield job_id, "was accepted and is not stored"
        if client.ids and client.given_up:
            yield client.ids[0], f"its client gave up: {client.given_up}"
    for job in facts.jobs.values():
        if not job.state.terminal:
            yield job.id, f"is still {job.state}"


def one_end(facts: Facts) -> Iterator[tuple[str, str]]:
    """A job ends once, and stays as it has ended: in its history, and as its client saw it."""
    for job in facts.jobs.values():
        ends = [change.state for change in job.history if change.state.terminal]
        if job.state.terminal and ends != [job.state]:
            yield job.id, f"ended {len(ends)} times: {', '.join(ends)}"
    for client, job in _stored(facts):
        seen = [state for state in client.states if State(state).terminal]
        if any(State(a).terminal for a, _ in pairwise(client.states)):
            yield job.id, f"left an end: {' > '.join(client.states)}"
        elif seen and seen[-1] != job.state:
            yield job.id, f"was told as {seen[-1]} and is stored as {job.state}"


def the_right_end(facts: Facts) -> Iterator[tuple[str, str]]:
    """A good job succeeds, whatever was killed; a bad one fails, and says why."""
    for client, job in _stored(facts):
        kind = client.job.kind
        if job.state is State.CANCELLED and client.job.cancel_after_s is not None:
            continue
        if kind in GOOD:
            if job.state is not State.SUCCEEDED:
                yield job.id, f"{kind}: {job.state}, {_code(job)}"
        elif job.state is not State.FAILED or _code(job) not in CODES[kind]:
            yield job.id, f"{kind}: {job.state}, {_code(job)}"


def results_are_whole(facts: Facts) -> Iterator[tuple[str, str]]:
    """What a succeeded job tells lies there, with that size and hash; others tell nothing."""
    for job in facts.jobs.values():
        if job.state is not State.SUCCEEDED:
            if job.outputs:
                yield job.id, f"{job.state}, and tells outputs"
            continue
        if not job.outputs:
            yield job.id, "succeeded without an output"
        for output in job.outputs:
            found = facts.objects.get(stored_key(output.url) or "")
            if found is None:
                yield job.id, f"{output.name} is not there"
            elif (found.size, found.sha256) != (output.size, output.sha256):
                yield job.id, f"{output.name} is not what it is told to be"


def no_orphans(facts: Facts) -> Iterator[tuple[str, str]]:
    """What no job tells comes from an attempt that was lost, and the sweep will find it; what is
    older than every limit is gone after a sweep."""
    told = {
        stored_key(output.url)
        for job in facts.jobs.values()
        for task in job.tasks
        for output in task.outputs
    }
    strays = tuple(prefix for job in facts.jobs.values() for prefix in _stray_folders(job))
    for key in facts.objects:
        if key not in told and not (strays and key.startswith(strays)):
            yield "", f"nobody tells {key}, and no sweep will find it"
    for key in facts.kept:
        yield "", f"{key} outlives every sweep"


def _stray_folders(job: Job) -> Iterator[str]:
    if job.outputs_expire_ms is None:
        return
    for task in job.tasks:
        if any(attempt.outcome in STRAYS for attempt in task.attempts):
            for attempt in task.attempts:
                yield f"{job_prefix(job.tenant, job.id)}{attempt_folder(task.name, attempt.fence)}/"


def charged_once(facts: Facts) -> Iterator[tuple[str, str]]:
    """One charge a job, one refund for each that did not succeed, and the sums are right."""
    entries: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in facts.ledger:
        if not entry.is_grant:
            entries[entry.job_id][entry.reason.partition(":")[0]] += 1
            entries[entry.job_id]["sum"] += entry.credits
    for job in facts.jobs.values():
        if not job.credits:
            continue
        found = entries[job.id]
        refunds = int(job.state is not State.SUCCEEDED)
        if (found["charge"], found["refund"]) != (1, refunds):
            yield job.id, f"{job.state}: {found['charge']} charges, {found['refund']} refunds"
        elif found["sum"] != (0 if refunds else -job.credits):
            yield job.id, f"costs {job.credits}, and {found['sum']} was entered"
    for job_id in entries.keys() - facts.jobs.keys():
        yield job_id, "was charged and is not stored"
    for account in facts.accounts:
        total = sum(entry.credits for entry in facts.ledger if entry.tenant == account.tenant)
        if not total == account.stored == account.told:
            sums = f"the ledger says {total}, the balance {account.stored}"
            yield "", f"{account.tenant}: {sums}, /v1/usage {account.told}"


def one_job_a_key(facts: Facts) -> Iterator[tuple[str, str]]:
    """The same key means the same job, and there is one job for each that was asked for."""
    for client in facts.clients:
        if len(set(client.ids)) > 1:
            yield client.ids[0], f"its key led to {len(set(client.ids))} jobs"
    numbers = Counter(job.metadata.get("number") for job in facts.jobs.values())
    asked = {client.job.number for client in facts.clients}
    for job in facts.jobs.values():
        number = job.metadata.get("number")
        if number not in asked:
            yield job.id, "nobody has asked for it"
        elif numbers[number] > 1:
            yield job.id, f"is one of {numbers[number]} with one key"


def cancelled_stays_cancelled(facts: Facts) -> Iterator[tuple[str, str]]:
    """A job whose cancel was granted ends cancelled; one that nobody cancelled does not."""
    for client, job in _stored(facts):
        if client.cancelled and job.state is not State.CANCELLED:
            yield job.id, f"was cancelled, and is {job.state}"
        if client.job.cancel_after_s is None and job.state is State.CANCELLED:
            yield job.id, "nobody has cancelled it"


def one_attempt_at_a_time(facts: Facts) -> Iterator[tuple[str, str]]:
    """Numbers of attempts rise, and none begins before the one ahead of it has ended."""
    for job in facts.jobs.values():
        for task in job.tasks:
            for one, following in pairwise(task.attempts):
                if following.fence <= one.fence:
                    yield job.id, f"attempt {following.fence} follows attempt {one.fence}"
                if one.ended_ms is None or following.started_ms < one.ended_ms:
                    yield job.id, f"attempt {following.fence} began while {one.fence} ran"


def nothing_is_left(facts: Facts) -> Iterator[tuple[str, str]]:
    """At the end nothing runs, no lease is held, and no process stays."""
    if facts.running:
        yield "", f"{facts.running} tasks ran or were leased at the end"
    for job in facts.jobs.values():
        for task in job.tasks:
            running = sum(attempt.outcome is Outcome.RUNNING for attempt in task.attempts)
            if running or not task.state.terminal:
                yield job.id, f"{task.name} is {task.state}, with {running} running attempts"
    for what in facts.trouble:
        yield "", what
    for seen in facts.faults:
        if seen.trouble:
            yield "", f"{seen.fault}: {seen.trouble}"
        if seen.recovered_s is None:
            yield "", f"{seen.fault}: no job succeeded after it"


def right_answers(facts: Facts) -> Iterator[tuple[str, str]]:
    """An answer is what was asked for, a right refusal, or 503 with Retry-After in the dialect's
    form; a connection may be closed, and none hangs."""
    for answer in facts.answers:
        asked = f"{answer.method} {answer.path}"
        if answer.status == -1:
            yield "", f"{asked}: no answer in {answer.ended_s - answer.began_s:.0f} s"
        elif not answer.well_formed:
            yield "", f"{asked}: {answer.status} in a strange form"
        elif answer.status == 503 and answer.retry_after is None:
            yield "", f"{asked}: 503 without Retry-After"
        elif answer.status not in {0, 503} and not answer.good:
            yield "", f"{asked}: {answer.status}"


INVARIANTS: dict[str, Callable[[Facts], Iterator[tuple[str, str]]]] = {
    check.__name__.replace("_", " "): check
    for check in (
        nothing_is_lost,
        one_end,
        the_right_end,
        results_are_whole,
        no_orphans,
        charged_once,
        one_job_a_key,
        cancelled_stays_cancelled,
        one_attempt_at_a_time,
        nothing_is_left,
        right_answers,
    )
}
"""All of them, by what they say."""


def violations(facts: Facts) -> list[Violation]:
    """Of every invariant."""
    return [
        Violation(name, job_id, what)
        for name, check in INVARIANTS.items()
        for job_id, what in check(facts)
    ]


def _stored(facts: Facts) -> Iterator[tuple[ClientLog, Job]]:
    for client in facts.clients:
        if client.ids and (job := facts.jobs.get(client.ids[0])) is not None:
            yield client, job


def _code(job: Job) -> str:
    return job.error.code if job.error else "no error"
