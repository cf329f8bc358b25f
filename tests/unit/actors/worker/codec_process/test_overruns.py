"""When a running task is taken for stalled or too long."""

from __future__ import annotations

import pytest

from reelyard.actors.worker.codec_process.overruns import BEAT_S, Watchdog
from reelyard.cluster.errors import Stalled, TimedOut


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watchdog(clock: Clock) -> Watchdog:
    """One that allows 10 s without progress and 60 s in all; a task begins now."""
    watchdog = Watchdog(stall_s=10.0, task_s=60.0, clock=clock)
    watchdog.task_begins()
    return watchdog


def test_a_task_without_progress_is_stalled(watchdog: Watchdog, clock: Clock) -> None:
    clock.now += 10.0
    assert watchdog.overrun("transcode") is None
    clock.now += 0.1
    overrun = watchdog.overrun("transcode")
    assert overrun is not None
    assert overrun.reason == "stall"
    assert isinstance(overrun.error, Stalled)
    assert overrun.error.message == "transcode: no progress for 10 s"


def test_progress_keeps_a_slow_task_alive_until_its_time_is_up(
    watchdog: Watchdog, clock: Clock
) -> None:
    for _ in range(12):
        clock.now += 5.0
        watchdog.task_progresses()
        assert watchdog.overrun("transcode") is None
    clock.now += 0.1
    overrun = watchdog.overrun("transcode")
    assert overrun is not None
    assert overrun.reason == "timeout"
    assert isinstance(overrun.error, TimedOut)
    assert overrun.error.message == "transcode: took longer than the 60 s allowed"


def test_the_next_task_has_all_its_time(watchdog: Watchdog, clock: Clock) -> None:
    clock.now += 100.0
    watchdog.task_begins()
    assert watchdog.overrun("transcode") is None
    assert watchdog.running_s() == 0.0


@pytest.mark.parametrize(
    ("stall_s", "task_s", "beat_s"),
    [(60.0, 3600.0, BEAT_S), (0.4, 3600.0, 0.1), (60.0, 0.4, 0.1)],
)
def test_short_times_are_looked_at_more_often(stall_s: float, task_s: float, beat_s: float) -> None:
    assert Watchdog(stall_s, task_s).beat_s == pytest.approx(beat_s)
