"""The sizes that a worker gives to tasks and processes."""

from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.worker.codec_process.sizing import (
    MAX_WINDOW,
    another_process,
    share_of,
    window_of,
)

cores = st.integers(1, 64)


def test_the_only_task_gets_all_cores() -> None:
    assert share_of(4, tasks=1, free=4) == (4, "4 threads: no other task wants these cores")


def test_with_many_tasks_each_core_works_on_its_own() -> None:
    assert share_of(2, tasks=36, free=2) == (1, "1 thread: 36 tasks for 2 cores")
    assert share_of(8, tasks=3, free=8).threads == 2


def test_a_task_beside_a_big_one_takes_only_what_is_free() -> None:
    assert share_of(4, tasks=2, free=1).threads == 1


@given(cores, st.integers(1, 1000), st.integers(0, 64))
def test_a_share_is_at_least_one_thread_and_at_most_all_cores(
    cores: int, tasks: int, free: int
) -> None:
    assert 1 <= share_of(cores, tasks, free).threads <= cores


@given(cores, st.integers(1, 200))
def test_all_that_begin_together_fit_on_the_cores(cores: int, tasks: int) -> None:
    free = cores
    for _ in range(min(tasks, cores)):
        free -= share_of(cores, tasks, free).threads
    assert free >= 0


@given(st.floats(0, 1e6))
def test_a_process_always_holds_a_task_and_never_many(expected_s: float) -> None:
    assert 1 <= window_of(expected_s) <= MAX_WINDOW


def test_a_long_task_is_not_bound_to_a_process_before_it_begins() -> None:
    assert window_of(0.3) == 1
    assert window_of(0.01) == MAX_WINDOW


def test_a_process_is_started_for_as_much_work_as_its_start_costs() -> None:
    assert another_process(1, 2, waiting=1, expected_s=3.0)
    assert another_process(1, 2, waiting=500, expected_s=0.01)
    assert not another_process(1, 2, waiting=20, expected_s=0.01)
    assert not another_process(2, 2, waiting=1000, expected_s=3.0)
