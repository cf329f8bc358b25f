"""Range headers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reelyard.api.transfer import ranges
from reelyard.api.transfer.ranges import Span


@given(st.integers(1, 100), st.integers(0, 120), st.integers(0, 120))
def test_a_range_is_what_python_slices(size: int, first: int, last: int) -> None:
    data = bytes(range(size))
    span = ranges.parse_range(f"bytes={first}-{last}", size)
    if last < first:
        assert span is None
    elif first >= size:
        assert span == "unsatisfiable"
    else:
        assert isinstance(span, Span)
        assert data[span.start : span.end] == data[first : last + 1]
        assert span.content_range == f"bytes {span.start}-{span.end - 1}/{size}"
        assert 0 < span.length <= size
    tail = ranges.parse_range(f"bytes=-{last}", size)
    if last == 0:
        assert tail == "unsatisfiable"
    else:
        assert isinstance(tail, Span)
        assert data[tail.start : tail.end] == data[-last:]


@given(st.text(), st.integers(0, 1000))
def test_no_range_header_reaches_outside(header: str, size: int) -> None:
    span = ranges.parse_range(header, size)
    if isinstance(span, Span):
        assert 0 <= span.start < span.end <= size
