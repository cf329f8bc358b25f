"""Figures of a run: outages of HTTP, times to notice and to recover, jobs that ran twice. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.fault_run.facts import Answer, Facts, FaultSeen
from benchmarks.fault_run.schedule import Fault, Kind
from benchmarks.harness.statistics import percentile
from reelyard.actors.jobs.model import Attempt, Job, Outcome

LOSSES = frozenset({Outcome.LOST, Outcome.CRASHED, Outcome.RETURNED})
"""Ends of attempts that were no fault of theirs."""
BY_ATTEMPT = {
    Fault.WORKER: Outcome.LOST,
    Fault.ZOMBIE: Outcome.LOST,
    Fault.CODEC: Outcome.CRASHED,
}
"""Faults that are noticed when the attempts under way end so."""


@dataclass(frozen=True)
class Times:
    """Seconds: half, 95 of 100, all of them are at most that."""

    p50: float
    p95: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Times | None:
        """None for no values."""
        if not values:
            return None
        return cls(percentile(values, 50), percentile(values, 95), max(values))


def outage_s(seen: FaultSeen, answers: Iterable[Answer]) -> float:
    """From the first request that went wrong after a fault to the end of the last such one."""
    bad = [
        answer
        for answer in answers
        if not answer.good and answer.ended_s >= seen.at_s and answer.began_s < seen.over_s
    ]
    if not bad:
        return 0.0
    began = min(max(answer.began_s, seen.at_s) for answer in bad)
    return max(answer.ended_s for answer in bad) - began


def slowest_s(seen: FaultSeen, answers: Iterable[Answer]) -> float:
    """The longest that a request which is answered at once waited around a fault."""
    return max(
        (
            answer.ended_s - answer.began_s
            for answer in answers
            if not answer.may_wait and answer.ended_s >= seen.at_s and answer.began_s < seen.over_s
        ),
        default=0.0,
    )


def noticed_s(seen: FaultSeen, jobs: Iterable[Job]) -> float | None:
    """How long a fault stayed unnoticed; None: it met nothing that could tell."""
    outcome = BY_ATTEMPT.get(seen.fault)
    if outcome is None:
        return seen.noticed_s
    over_ms = seen.at_ms + (seen.over_s - seen.at_s) * 1000
    ended = [
        attempt.ended_ms
        for attempt in _attempts(jobs)
        if attempt.outcome is outcome
        and attempt.ended_ms is not None
        and attempt.started_ms <= seen.at_ms <= attempt.ended_ms < over_ms
    ]
    return (max(ended) - seen.at_ms) / 1000 if ended else None


def ran_twice(facts: Facts) -> int:
    """Jobs, poison apart, that had an attempt lost through no fault of theirs, and another."""
    poison = {
        job_id
        for client in facts.clients
        if client.job.kind is Kind.POISON
        for job_id in client.ids
    }
    return sum(
        any(attempt.outcome in LOSSES for task in job.tasks for attempt in task.attempts[:-1])
        for job in facts.jobs.values()
        if job.id not in poison
    )


def _attempts(jobs: Iterable[Job]) -> Iterator[Attempt]:
    for job in jobs:
        for task in job.tasks:
            yield from task.attempts
