from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.statistics import Spread, by_slices, percentile

figures = st.lists(st.floats(0, 1e6), min_size=1, max_size=30)


@given(figures)
def test_the_median_lies_between_the_least_and_the_greatest(values: list[float]) -> None:
    spread = Spread.of(values)
    assert spread.low <= spread.median <= spread.high
    assert spread.runs == len(values)


def test_a_spread_tells_median_least_and_greatest() -> None:
    assert Spread.of([1.0, 3.0, 2.0]).text() == "2.00 (1.00 - 3.00)"
    assert Spread.of([1234.5]).text(1) == "1,234.5"


def test_no_runs_have_no_spread() -> None:
    with pytest.raises(ValueError, match="no runs"):
        Spread.of([])


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(100)]
    assert [percentile(values, percent) for percent in (0, 50, 99, 100)] == [0, 49, 98, 99]


def test_a_bad_moment_counts_in_one_slice_only() -> None:
    values = [1.0] * 20 + [50.0] * 10 + [1.0] * 20
    spread = by_slices(values, 99, 5)
    assert list(spread.values) == [1, 1, 50, 1, 1]
    assert spread.median == 1
