"""Retries: whether an attempt that ended badly is worth another, and after how long. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from reelyard.actors.jobs.model import Attempt, ErrorInfo, Outcome
from reelyard.cluster.errors import ReelyardError, WorkerCrashed, WorkerLost


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and after what pause."""

    max_attempts: int = 3
    """Attempts that may be lost, or fail with a retryable error, before the task fails."""
    max_crashes: int = 2
    """Crashes of the codec process before the task is refused for good."""
    first_delay_s: float = 1.0
    factor: float = 4.0
    max_delay_s: float = 60.0


@dataclass(frozen=True)
class RetryDecision:
    """Try again, `delay_s` from now."""

    delay_s: float


_COUNTED = frozenset({Outcome.LOST, Outcome.FAILED, Outcome.CRASHED})


def failures(attempts: list[Attempt], since_ms: int = 0) -> int:
    """Attempts since `since_ms` that count against `max_attempts`; those given back do not."""
    return sum(a.outcome in _COUNTED and a.started_ms >= since_ms for a in attempts)


def crashes(attempts: list[Attempt], since_ms: int = 0) -> int:
    """Attempts since `since_ms` under which the codec process died."""
    return sum(a.outcome is Outcome.CRASHED and a.started_ms >= since_ms for a in attempts)


def decide_retry(
    outcome: Outcome,
    error: ErrorInfo | None,
    attempts: list[Attempt],
    policy: RetryPolicy,
    since_ms: int = 0,
) -> RetryDecision | None:
    """Whether a task whose last attempt (in `attempts`) ended with `outcome` is tried again.

    A given-back attempt always is, at once. A lost one is, at once, until `max_attempts`; a crash
    likewise until `max_crashes`; a failure only when its error is retryable, after a pause that
    grows by `factor`. None: the task has failed for good.
    """
    if outcome is Outcome.RETURNED:
        return RetryDecision(0.0)
    count = failures(attempts, since_ms)
    if count >= policy.max_attempts:
        return None
    if outcome is Outcome.LOST:
        return RetryDecision(0.0)
    if outcome is Outcome.CRASHED:
        crashed = crashes(attempts, since_ms)
        return RetryDecision(0.0) if crashed < policy.max_crashes else None
    if outcome is Outcome.FAILED and error is not None and error.retryable:
        delay = policy.first_delay_s * policy.factor ** max(0, count - 1)
        return RetryDecision(min(policy.max_delay_s, delay))
    return None


def final_error(
    outcome: Outcome, error: ErrorInfo | None, attempts: list[Attempt], since_ms: int = 0
) -> ErrorInfo:
    """The error that the task ends with when there is no further attempt."""
    if outcome is Outcome.CRASHED:
        times = crashes(attempts, since_ms)
        return ErrorInfo.of(
            WorkerCrashed(f"processing this input crashed the codec process {times} times")
        )
    if outcome is Outcome.LOST:
        times = failures(attempts, since_ms)
        return ErrorInfo.of(WorkerLost(f"the worker was lost or fell silent in {times} attempts"))
    return error or ErrorInfo.of(ReelyardError("the task failed without saying why"))
