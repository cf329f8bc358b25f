"""Retries: whether an attempt that ended badly is worth another, and after how long. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from reelyard.actors.jobs.model import Attempt, ErrorInfo, Outcome
from reelyard.cluster.errors import ReelyardError, WorkerCrashed, WorkerLost


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and after what pause. Each kind of bad end is counted by itself."""

    max_attempts: int = 3
    """Attempts that may fail with a retryable error before the task fails."""
    max_crashes: int = 2
    """Crashes of the codec process under the task before it is refused for good."""
    max_losses: int = 20
    """Attempts that may be lost with their worker, node or cluster: that is seldom the task's
    fault, so a good job outlives many; one that takes its worker along each time ends here."""
    first_delay_s: float = 1.0
    factor: float = 4.0
    """By which the pause grows from one retryable error to the next."""
    loss_factor: float = 2.0
    """By which the pause grows from one loss to the next; after the first there is none."""
    max_delay_s: float = 60.0


@dataclass(frozen=True)
class RetryDecision:
    """Try again, `delay_s` from now."""

    delay_s: float


def count(outcome: Outcome, attempts: list[Attempt], since_ms: int = 0) -> int:
    """Attempts since `since_ms` (Unix time) that ended with `outcome`."""
    return sum(a.outcome is outcome and a.started_ms >= since_ms for a in attempts)


def decide_retry(
    outcome: Outcome,
    error: ErrorInfo | None,
    attempts: list[Attempt],
    policy: RetryPolicy,
    since_ms: int = 0,
) -> RetryDecision | None:
    """Whether a task whose last attempt (in `attempts`) ended with `outcome` is tried again.

    A given-back attempt always is, at once. A lost one is until `max_losses`, the first time at
    once, then after pauses that grow; a crashed one at once, until `max_crashes`; a failed one
    only when its error is retryable, until `max_attempts`, after pauses that grow. None: the task
    has failed for good.
    """
    if outcome is Outcome.RETURNED:
        return RetryDecision(0.0)
    times = count(outcome, attempts, since_ms)
    if outcome is Outcome.CRASHED:
        return RetryDecision(0.0) if times < policy.max_crashes else None
    if outcome is Outcome.LOST and times < policy.max_losses:
        return RetryDecision(_pause_s(times - 1, policy.loss_factor, policy) if times > 1 else 0.0)
    if outcome is Outcome.FAILED and error is not None and error.retryable:
        again = times < policy.max_attempts
        return RetryDecision(_pause_s(times, policy.factor, policy)) if again else None
    return None


def _pause_s(nth: int, factor: float, policy: RetryPolicy) -> float:
    """The pause before the `nth` retry that has one."""
    # Past 64 doublings a float is as good as endless, and the power itself would overflow.
    return min(policy.max_delay_s, policy.first_delay_s * factor ** min(nth - 1, 64))


def final_error(
    outcome: Outcome, error: ErrorInfo | None, attempts: list[Attempt], since_ms: int = 0
) -> ErrorInfo:
    """The error that the task ends with when there is no further attempt."""
    times = count(outcome, attempts, since_ms)
    if outcome is Outcome.CRASHED:
        return ErrorInfo.of(
            WorkerCrashed(f"processing this input crashed the codec process {times} times")
        )
    if outcome is Outcome.LOST:
        return ErrorInfo.of(WorkerLost(f"the worker was lost or fell silent in {times} attempts"))
    return error or ErrorInfo.of(ReelyardError("the task failed without saying why"))
