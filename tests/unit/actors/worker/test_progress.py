"""Per cent, speed and time left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.jobs.model import Phase
from actors.media.operation import Progress
from actors.worker.progress import HIGHEST, Meter, done_fraction, percent_of

PHASES = list(Phase)


def read(meter: Meter, now: float, phase: str, **how: float) -> tuple[float, float | None, object]:
    progress = Progress(phase=phase, **how)  # type: ignore[arg-type]
    reading = meter.read(progress, now)
    return reading.percent, reading.speed, reading.eta_s


def test_speed_and_eta_follow_the_media_time() -> None:
    meter = Meter()
    read(meter, 0.0, "encode", done_s=0.0, total_s=20.0)
    for second in range(1, 6):
        _, speed, eta = read(meter, float(second), "encode", done_s=2.0 * second, total_s=20.0)
    assert speed == pytest.approx(2.0)
    assert eta == pytest.approx(5.0)


def test_without_media_time_the_fraction_tells_the_time_left() -> None:
    meter = Meter()
    read(meter, 0.0, "decode", fraction=0.0)
    _, speed, eta = read(meter, 1.0, "decode", fraction=0.25)
    assert speed is None
    assert eta == pytest.approx(3.0)


def test_fetching_and_storing_have_no_speed() -> None:
    meter = Meter()
    read(meter, 0.0, "encode", done_s=1.0, total_s=2.0)
    _, speed, eta = read(meter, 1.0, "store", done_s=2.0, total_s=2.0)
    assert (speed, eta) == (None, None)


def test_the_larger_of_time_and_fraction_counts() -> None:
    assert done_fraction(Progress(done_s=5, total_s=10, fraction=0.1)) == 0.5
    assert done_fraction(Progress(done_s=1, total_s=10, fraction=0.6)) == 0.6


readings = st.lists(
    st.tuples(
        st.sampled_from(PHASES), st.floats(0, 1e5), st.none() | st.floats(0, 1e5), st.floats(-1, 2)
    ),
    max_size=50,
)


@given(readings)
def test_percent_never_goes_back_and_never_says_100(
    steps: list[tuple[Phase, float, float | None, float]],
) -> None:
    meter, before = Meter(), 0.0
    for now, (phase, done_s, total_s, fraction) in enumerate(steps):
        progress = Progress(phase=phase.value, done_s=done_s, total_s=total_s, fraction=fraction)
        reading = meter.read(progress, float(now))
        assert before <= reading.percent <= HIGHEST
        assert reading.speed is None or reading.speed >= 0
        assert reading.eta_s is None or reading.eta_s >= 0
        before = reading.percent


@given(st.floats(0, 1), st.floats(0, 1))
def test_each_phase_starts_where_the_one_before_ends(first: float, second: float) -> None:
    assert percent_of(Phase.FETCH, first) <= percent_of(Phase.DECODE, second)
    assert percent_of(Phase.ENCODE, first) <= percent_of(Phase.STORE, second)
