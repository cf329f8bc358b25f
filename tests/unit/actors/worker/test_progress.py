"""Per cent, speed and time left."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.operation import Phase, Progress
from reelyard.actors.worker.progress import HIGHEST, ProgressEstimator, done_fraction, percent_of

PHASES = get_args(Phase)


def estimate(
    estimator: ProgressEstimator, now: float, phase: str, **how: float
) -> tuple[float, float | None, object]:
    progress = Progress(phase=phase, **how)  # type: ignore[arg-type]
    estimate = estimator.estimate(progress, now)
    return estimate.percent, estimate.speed, estimate.eta_s


def test_speed_and_eta_follow_the_media_time() -> None:
    estimator = ProgressEstimator()
    estimate(estimator, 0.0, "encode", done_s=0.0, total_s=20.0)
    for second in range(1, 6):
        _, speed, eta = estimate(
            estimator, float(second), "encode", done_s=2.0 * second, total_s=20.0
        )
    assert speed == pytest.approx(2.0)
    assert eta == pytest.approx(5.0)


def test_without_media_time_the_fraction_tells_the_time_left() -> None:
    estimator = ProgressEstimator()
    estimate(estimator, 0.0, "decode", fraction=0.0)
    _, speed, eta = estimate(estimator, 1.0, "decode", fraction=0.25)
    assert speed is None
    assert eta == pytest.approx(3.0)


def test_fetching_and_storing_have_no_speed() -> None:
    estimator = ProgressEstimator()
    estimate(estimator, 0.0, "encode", done_s=1.0, total_s=2.0)
    _, speed, eta = estimate(estimator, 1.0, "store", done_s=2.0, total_s=2.0)
    assert (speed, eta) == (None, None)


def test_the_larger_of_time_and_fraction_counts() -> None:
    assert done_fraction(Progress(done_s=5, total_s=10, fraction=0.1)) == 0.5
    assert done_fraction(Progress(done_s=1, total_s=10, fraction=0.6)) == 0.6


steps_of_a_task = st.lists(
    st.tuples(
        st.sampled_from(PHASES), st.floats(0, 1e5), st.none() | st.floats(0, 1e5), st.floats(-1, 2)
    ),
    max_size=50,
)


@given(steps_of_a_task)
def test_percent_never_goes_back_and_never_says_100(
    steps: list[tuple[Phase, float, float | None, float]],
) -> None:
    estimator, before = ProgressEstimator(), 0.0
    for now, (phase, done_s, total_s, fraction) in enumerate(steps):
        progress = Progress(phase=phase, done_s=done_s, total_s=total_s, fraction=fraction)
        estimate = estimator.estimate(progress, float(now))
        assert before <= estimate.percent <= HIGHEST
        assert estimate.speed is None or estimate.speed >= 0
        assert estimate.eta_s is None or estimate.eta_s >= 0
        before = estimate.percent


@given(st.floats(0, 1), st.floats(0, 1))
def test_each_phase_starts_where_the_one_before_ends(first: float, second: float) -> None:
    assert percent_of("fetch", first) <= percent_of("decode", second)
    assert percent_of("encode", first) <= percent_of("store", second)
