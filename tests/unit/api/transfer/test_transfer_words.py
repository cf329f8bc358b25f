from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.transfer import ranges, tus
from api.transfer.ranges import Span
from cluster.errors import InvalidInput, UnsupportedType


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


keys = st.text(st.characters(codec="ascii", exclude_characters=", "), min_size=1).filter(
    lambda key: key == key.strip()
)


@given(st.dictionaries(keys, st.text()))
def test_upload_metadata_comes_back_as_it_was_sent(values: dict[str, str]) -> None:
    metadata = {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
    parsed = tus.parse_metadata(tus.format_metadata(metadata))
    assert parsed == metadata
    for key, text in values.items():
        assert tus.metadata_text(parsed, "\0missing", key) == text


@given(st.text())
def test_any_metadata_header_is_read_or_refused(header: str) -> None:
    try:
        tus.parse_metadata(header)
    except InvalidInput as error:
        text = error.message
    else:
        return
    assert text.startswith("Upload-Metadata:")


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", " 1", "1_0", "٣", "9" * 20, "0x1"])
def test_only_plain_whole_numbers_are_lengths_and_offsets(text: str) -> None:
    with pytest.raises(InvalidInput, match="Upload-Length"):
        tus.upload_length({"upload-length": text})
    with pytest.raises(InvalidInput, match="Upload-Offset"):
        tus.upload_offset({"upload-offset": text})


def test_a_piece_names_its_type() -> None:
    tus.check_piece_type({"content-type": "application/offset+octet-stream; charset=x"})
    with pytest.raises(UnsupportedType, match="offset"):
        tus.check_piece_type({"content-type": "video/mp4"})
