"""How many tasks a worker holds."""

from hypothesis import given
from hypothesis import strategies as st

from actors.worker.prefetch import MAX_DEPTH, SHORT_S, PrefetchDepth

seconds = st.lists(st.floats(0, 100), max_size=200)


def after(*times: float) -> PrefetchDepth:
    depth = PrefetchDepth()
    for value in times:
        depth.record(value)
    return depth


def test_a_new_worker_takes_one_task() -> None:
    assert PrefetchDepth().want(0) == 1
    assert PrefetchDepth().want(1) == 0


def test_one_short_task_does_not_start_the_prefetching() -> None:
    assert after(0.01).limit == 1


def test_tiny_tasks_are_taken_by_the_dozen() -> None:
    assert after(*[0.0005] * 50).want(0) == MAX_DEPTH


def test_tasks_of_half_a_second_are_prefetched_by_one() -> None:
    depth = after(*[0.5] * 50)
    assert depth.limit == 2
    assert depth.want(1) == 1


def test_one_long_task_ends_the_prefetching_at_once() -> None:
    assert after(*[0.001] * 50, 30.0).limit == 1


def test_short_tasks_of_mixed_lengths_are_prefetched_by_their_mean() -> None:
    assert after(*[0.005, 0.005, 0.005, 0.085] * 20).limit >= 5


def test_more_is_asked_for_only_when_half_is_done() -> None:
    depth = after(*[0.0005] * 50)
    assert depth.want(MAX_DEPTH // 2 + 1) == 0
    assert depth.want(MAX_DEPTH // 2) == MAX_DEPTH // 2


@given(times=seconds, held=st.integers(0, 200))
def test_a_worker_never_holds_more_than_the_limit(times: list[float], held: int) -> None:
    depth = after(*times)
    assert 1 <= depth.limit <= MAX_DEPTH
    assert 0 <= depth.want(held) <= max(0, depth.limit - held)


@given(times=seconds)
def test_an_idle_worker_always_wants_work(times: list[float]) -> None:
    assert after(*times).want(0) >= 1


@given(times=seconds)
def test_a_long_task_means_single_tasks(times: list[float]) -> None:
    assert after(*times, SHORT_S).limit == 1
