"""How many tasks a worker holds."""

from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.worker.codec_process.sizing import SHORT_S
from reelyard.actors.worker.prefetch import MAX_DEPTH, PrefetchDepth, Standing

seconds = st.lists(st.floats(0, 100), max_size=200)
standings = st.builds(
    Standing, st.integers(0, 200), st.integers(0, 200), st.integers(0, 8), st.integers(0, 1000)
)
IDLE = Standing(0)


def after(*times: float, cores: int = 1) -> PrefetchDepth:
    depth = PrefetchDepth(cores)
    for value in times:
        depth.record(value)
    return depth


def test_a_new_worker_takes_one_task_a_core() -> None:
    assert PrefetchDepth().want(IDLE) == 1
    assert PrefetchDepth(4).want(Standing(0, spare=4)) == 4


def test_a_task_that_is_alone_is_left_alone() -> None:
    depth = PrefetchDepth(4)
    assert depth.want(Standing(1, unstarted=1, spare=4)) == 0
    assert depth.want(Standing(1, spare=0)) == 0


def test_one_task_more_than_cores_is_held_while_others_wait() -> None:
    depth = PrefetchDepth(2)
    assert depth.want(Standing(1, spare=1, waiting=30)) == 2
    assert depth.want(Standing(2, spare=0, waiting=29)) == 1
    assert depth.want(Standing(3, unstarted=1, spare=0, waiting=28)) == 0


def test_a_free_core_beside_a_long_task_takes_another_one() -> None:
    assert PrefetchDepth(2).want(Standing(1, spare=1)) == 1


def test_one_short_task_does_not_start_the_prefetching() -> None:
    assert not after(0.01).short


def test_tiny_tasks_are_taken_by_the_dozen() -> None:
    assert after(*[0.0005] * 50).want(IDLE) == MAX_DEPTH


def test_tasks_of_half_a_second_are_prefetched_by_one_a_core() -> None:
    depth = after(*[0.5] * 50)
    assert depth.limit == 2
    assert depth.want(Standing(1)) == 1
    assert after(*[0.5] * 50, cores=2).limit == 4


def test_one_long_task_ends_the_prefetching_at_once() -> None:
    assert not after(*[0.001] * 50, 30.0).short


def test_short_tasks_of_mixed_lengths_are_prefetched_by_their_mean() -> None:
    assert after(*[0.005, 0.005, 0.005, 0.085] * 20).limit >= 5


def test_more_is_asked_for_only_when_half_is_done() -> None:
    depth = after(*[0.0005] * 50)
    assert depth.want(Standing(MAX_DEPTH // 2 + 1)) == 0
    assert depth.want(Standing(MAX_DEPTH // 2)) == MAX_DEPTH // 2


@given(seconds, standings)
def test_a_worker_never_wants_more_than_it_can_run_or_hold(
    times: list[float], now: Standing
) -> None:
    depth = after(*times)
    most = max(0, depth.limit - now.held) if depth.short else now.spare + 1
    assert 0 <= depth.want(now) <= most


@given(seconds)
def test_an_idle_worker_always_wants_work(times: list[float]) -> None:
    assert after(*times).want(IDLE) >= 1


@given(seconds)
def test_a_long_task_means_single_tasks(times: list[float]) -> None:
    depth = after(*times, SHORT_S)
    assert depth.want(IDLE) == 1
    assert depth.want(Standing(1, spare=0)) == 0
