"""The headers of resumable uploads."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.transfer import tus
from cluster.errors import InvalidInput, UnsupportedType

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
