from __future__ import annotations

import pytest

from benchmarks.harness.statistics import Spread
from benchmarks.harness.verdicts import Target, Verdict


def target(
    values: list[float], limit: float, *, at_most: bool = True, timed: bool = True
) -> Target:
    return Target("wall", Spread.of(values), limit, at_most, timed)


def test_a_target_is_met_where_the_runs_keep_it() -> None:
    assert target([0.9, 1.0, 0.95], 1.0).verdict(noisy=False) is Verdict.MET
    assert target([9, 8, 10], 8, at_most=False).verdict(noisy=False) is Verdict.MET


def test_a_target_is_missed_where_the_runs_exceed_it() -> None:
    assert target([1.1, 1.2, 1.15], 1.0).verdict(noisy=False) is Verdict.MISSED
    assert target([5, 6, 7], 8, at_most=False).verdict(noisy=False) is Verdict.MISSED


def test_runs_that_disagree_are_no_verdict() -> None:
    assert target([0.9, 0.95, 1.05, 1.1], 1.0).verdict(noisy=False) is Verdict.SPLIT


def test_one_run_of_four_may_disagree() -> None:
    assert target([0.9, 0.95, 0.96, 3.0], 1.0).verdict(noisy=False) is Verdict.MET
    assert target([0.5, 1.1, 1.2, 1.3], 1.0).verdict(noisy=False) is Verdict.MISSED


@pytest.mark.parametrize("values", [[0.1, 0.1], [9.0, 9.0]])
def test_a_noisy_machine_is_neither_a_hit_nor_a_miss(values: list[float]) -> None:
    assert target(values, 1.0).verdict(noisy=True) is Verdict.NOISY


def test_what_no_other_process_changes_is_judged_on_a_noisy_machine_too() -> None:
    assert target([0.0], 0, timed=False).verdict(noisy=True) is Verdict.MET
    assert target([1.0], 0, timed=False).verdict(noisy=True) is Verdict.MISSED


def test_a_target_says_what_is_wanted() -> None:
    assert target([1.0], 1.05).wanted == "<= 1.05"
    assert target([1.0], 2, at_most=False).wanted == ">= 2"
