"""Items on show at given times."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.sampling.shown_at import on_show, tick_count, ticks


@given(
    st.lists(st.integers(0, 2000), min_size=1, max_size=40, unique=True),
    st.integers(0, 1500),
    st.integers(1, 30),
    st.integers(1, 60),
)
def test_each_tick_shows_the_last_item_that_has_come(
    stamps_ms: list[int], start_ms: int, fps: int, count: int
) -> None:
    timed = [(stamp / 1000, stamp / 1000) for stamp in sorted(stamps_ms)]
    shown = list(on_show(timed, ticks(start_ms / 1000, fps, count)))
    assert len(shown) == count
    for tick, item in enumerate(shown):
        due = start_ms / 1000 + tick / fps + 0.0005
        come = [time for time, _ in timed if time <= due]
        assert item == (come[-1] if come else timed[0][0])


def test_items_are_read_no_further_than_they_must_be() -> None:
    def items() -> Iterator[tuple[float, str]]:
        yield 0.0, "a"
        yield 0.5, "b"
        raise AssertionError("read too far")

    assert list(on_show(items(), ticks(0, 10, 3))) == ["a", "a", "a"]


def test_nothing_comes_of_nothing() -> None:
    nothing: list[tuple[float, str]] = []
    assert list(on_show(nothing, ticks(0, 10, 5))) == []


@given(st.floats(0, 100), st.floats(0, 15), st.integers(1, 20))
def test_a_stretch_has_at_least_one_frame(start: float, length: float, fps: int) -> None:
    assert tick_count(start, start + length, fps) >= 1
