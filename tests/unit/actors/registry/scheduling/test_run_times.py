"""Run times, learnt from what has ended."""

from __future__ import annotations

import pytest

from reelyard.actors.registry.scheduling.run_times import RunTimes


def test_the_backlog_follows_the_measured_run_times() -> None:
    run_times = RunTimes()
    assert run_times.backlog_s({"probe": 3}) == 6
    run_times.finished("probe", 1.0, 1_000_000)
    assert run_times.backlog_s({"probe": 3}) == 3
    run_times.finished("probe", 2.0, 1_000_000)
    assert run_times.backlog_s({"probe": 1, "new": 1}) == pytest.approx(1.2 + 2)


def test_the_rate_forgets_what_is_older_than_a_minute() -> None:
    run_times = RunTimes()
    for _ in range(120):
        run_times.finished("probe", 1.0, 1_000_000)
    assert run_times.per_second(1_010_000) == 2
    assert run_times.per_second(1_060_000) == 0
