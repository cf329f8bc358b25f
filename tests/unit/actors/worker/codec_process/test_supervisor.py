"""When a codec process is worn, and how soon another one is started."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reelyard.actors.worker.codec_process.options import CodecOptions
from reelyard.actors.worker.codec_process.supervisor import start_pause_s, worn_by

OPTIONS = CodecOptions(
    stall_s=60,
    task_s=3600,
    cancel_grace_s=1,
    max_tasks=100,
    max_growth_bytes=1000,
    cpu_s=3600,
    least_life_s=30,
)


@pytest.mark.parametrize(
    ("tasks", "life_s", "growth", "reason"),
    [
        (99, 1000.0, 1000, None),
        (100, 30.0, 0, "tasks"),
        (100, 29.9, 0, None),
        (1, 1.0, 1001, "growth"),
        (100, 30.0, 1001, "tasks"),
    ],
)
def test_a_process_is_worn_by_many_tasks_in_a_life_that_is_not_too_short_or_by_growth(
    tasks: int, life_s: float, growth: int, reason: str | None
) -> None:
    assert worn_by(tasks, life_s, growth, OPTIONS) == reason


def test_without_a_least_life_the_tasks_alone_count() -> None:
    assert worn_by(100, 0.0, 0, replace(OPTIONS, least_life_s=0.0)) == "tasks"


def test_starts_that_fail_are_repeated_ever_more_slowly_but_within_seconds() -> None:
    pauses = [start_pause_s(times) for times in range(1, 12)]
    assert pauses == sorted(pauses)
    assert 0 < pauses[0] < 1
    assert pauses[-1] == 5.0
