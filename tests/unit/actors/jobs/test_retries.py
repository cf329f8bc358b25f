from __future__ import annotations

import pytest

from reelyard.actors.jobs.model import Attempt, ErrorInfo, Outcome
from reelyard.actors.jobs.retries import RetryPolicy, decide_retry, final_error
from reelyard.cluster.errors import StorageFull
from tests.unit.actors.registry.builders import BROKEN, FLAKY

POLICY = RetryPolicy(
    max_attempts=3, max_crashes=2, max_losses=4, first_delay_s=1, factor=4, max_delay_s=10
)


def attempts(*outcomes: Outcome) -> list[Attempt]:
    return [Attempt(n + 1, "w", "n", "p", n, n, outcome) for n, outcome in enumerate(outcomes)]


LOST, CRASHED, FAILED, RETURNED = (
    Outcome.LOST,
    Outcome.CRASHED,
    Outcome.FAILED,
    Outcome.RETURNED,
)


@pytest.mark.parametrize(
    ("outcomes", "error", "delay_s"),
    [
        ((LOST,), None, 0),
        ((LOST, LOST), None, 1),
        ((LOST, LOST, LOST), None, 2),
        ((LOST, LOST, LOST, LOST), None, None),
        ((RETURNED,) * 9, None, 0),
        ((LOST, LOST, RETURNED), None, 0),
        ((CRASHED,), None, 0),
        ((CRASHED, CRASHED), None, None),
        ((LOST, CRASHED), None, 0),
        ((LOST, LOST, LOST, CRASHED), None, 0),
        ((LOST, LOST, LOST, FAILED), FLAKY, 1),
        ((CRASHED, LOST), None, 0),
        ((FAILED,), BROKEN, None),
        ((FAILED,), FLAKY, 1),
        ((FAILED, FAILED), FLAKY, 4),
        ((FAILED, FAILED, FAILED), FLAKY, None),
        ((FAILED,), None, None),
    ],
)
def test_whether_and_when_a_task_is_tried_again(
    outcomes: tuple[Outcome, ...], error: ErrorInfo | None, delay_s: float | None
) -> None:
    decision = decide_retry(outcomes[-1], error, attempts(*outcomes), POLICY)
    assert (decision.delay_s if decision else None) == delay_s


def test_the_pause_has_an_upper_limit() -> None:
    policy = RetryPolicy(max_attempts=99, max_delay_s=10)
    decision = decide_retry(FAILED, FLAKY, attempts(*[FAILED] * 50), policy)
    assert decision is not None
    assert decision.delay_s == 10


def test_a_good_task_outlives_ten_deaths_of_its_cluster() -> None:
    policy = RetryPolicy()
    delays = [
        decision.delay_s
        for n in range(1, 11)
        if (decision := decide_retry(LOST, None, attempts(*[LOST] * n), policy)) is not None
    ]
    assert delays == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_attempts_before_the_job_was_begun_anew_do_not_count() -> None:
    old_and_new = attempts(LOST, LOST, LOST, LOST)
    assert decide_retry(LOST, None, old_and_new, POLICY, since_ms=2) is not None


def test_the_last_error_says_how_often_it_was_tried() -> None:
    lost = final_error(LOST, None, attempts(LOST, LOST, LOST))
    assert (lost.code, "3 attempts" in lost.message) == ("worker_lost", True)
    crashed = final_error(CRASHED, FLAKY, attempts(CRASHED, CRASHED))
    assert (crashed.code, "2 times" in crashed.message) == ("worker_crashed", True)
    assert final_error(FAILED, BROKEN, attempts(FAILED)) is BROKEN


def test_an_error_becomes_its_record() -> None:
    info = ErrorInfo.of(StorageFull("no room", details={"free": 1}))
    assert info == ErrorInfo("storage_full", "no room", retryable=True, details={"free": 1})
