"""The headers of resumable uploads."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.api.transfer import tus_headers
from reelyard.cluster.errors import InvalidInput, ReelyardError, UnsupportedType
from reelyard.cluster.storage import Checksum

keys = st.text(st.characters(codec="ascii", exclude_characters=", "), min_size=1).filter(
    lambda key: key == key.strip()
)


@given(st.dictionaries(keys, st.text()))
def test_upload_metadata_comes_back_as_it_was_sent(values: dict[str, str]) -> None:
    metadata = {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
    parsed = tus_headers.parse_metadata(tus_headers.format_metadata(metadata))
    assert parsed == metadata
    for key, text in values.items():
        assert tus_headers.metadata_text(parsed, "\0missing", key) == text


@given(st.text())
def test_any_metadata_header_is_read_or_refused(header: str) -> None:
    try:
        tus_headers.parse_metadata(header)
    except InvalidInput as error:
        text = error.message
    else:
        return
    assert text.startswith("Upload-Metadata:")


@pytest.mark.parametrize(
    ("read", "header", "sent"),
    [
        (tus_headers.upload_offset, "Upload-Offset", "x"),
        (tus_headers.creation_length, "Upload-Length", "-1"),
        (tus_headers.creation_length, "Upload-Defer-Length", "2"),
        (tus_headers.upload_concat, "Upload-Concat", "foo"),
        (tus_headers.upload_checksum, "Upload-Checksum", "foo"),
        (tus_headers.check_piece_type, "Content-Type", "text/plain"),
    ],
)
def test_a_header_that_is_refused_is_named_with_what_it_takes(
    read: Callable[[Mapping[str, str]], object], header: str, sent: str
) -> None:
    with pytest.raises(ReelyardError) as caught:
        read({header.lower(): sent})
    assert caught.value.message.startswith(f"{header}: ")
    assert (caught.value.details["field"], caught.value.details["value"]) == (header, sent)
    assert caught.value.details["allowed"]


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", " 1", "1_0", "٣", "9" * 20, "0x1"])
def test_only_plain_whole_numbers_are_lengths_and_offsets(text: str) -> None:
    for read in (tus_headers.upload_length, tus_headers.creation_length):
        with pytest.raises(InvalidInput, match="Upload-Length"):
            read({"upload-length": text})
    with pytest.raises(InvalidInput, match="Upload-Offset"):
        tus_headers.upload_offset({"upload-offset": text})


def test_a_piece_names_its_type() -> None:
    tus_headers.check_piece_type({"content-type": "application/offset+octet-stream; charset=x"})
    with pytest.raises(UnsupportedType, match="offset"):
        tus_headers.check_piece_type({"content-type": "video/mp4"})


def test_a_length_is_told_or_put_off() -> None:
    assert tus_headers.creation_length({"upload-length": "5"}) == 5
    assert tus_headers.creation_length({"upload-defer-length": "1"}) is None
    assert tus_headers.upload_length({}) is None
    for headers in (
        {},
        {"upload-defer-length": "0"},
        {"upload-defer-length": ""},
        {"upload-defer-length": "1", "upload-length": "5"},
    ):
        with pytest.raises(InvalidInput, match=r"Upload-(Length|Defer-Length)"):
            tus_headers.creation_length(headers)


@pytest.mark.parametrize(
    "url",
    ["https://server.test:8000/api/uploads/ab-1_", "/api/uploads/ab-1_", "uploads/ab-1_", "ab-1_"],
)
def test_a_part_is_named_by_any_url_of_it(url: str) -> None:
    found = tus_headers.upload_concat({"upload-concat": f"final;{url} /x/second"})
    assert found == tus_headers.Concat(f"final;{url} /x/second", ("ab-1_", "second"))


def test_an_upload_may_be_meant_as_a_part() -> None:
    assert tus_headers.upload_concat({}) is None
    assert tus_headers.upload_concat({"upload-concat": "partial"}) == tus_headers.Concat("partial")


@pytest.mark.parametrize(
    "header", ["", "final", "final;", "final; ", "partial;x", "Partial", "final;/x/", "final;/x?y"]
)
def test_any_other_concatenation_is_refused(header: str) -> None:
    with pytest.raises(InvalidInput, match="Upload-Concat"):
        tus_headers.upload_concat({"upload-concat": header})


@given(st.text(st.characters(codec="latin-1")))
def test_any_checksum_header_is_read_or_refused(header: str) -> None:
    try:
        tus_headers.upload_checksum({"upload-checksum": header})
    except InvalidInput as error:
        text = error.message
    else:
        return
    assert text.startswith("Upload-Checksum:")


def test_a_checksum_is_an_algorithm_and_its_digest_in_base64() -> None:
    assert tus_headers.upload_checksum({}) is None
    digest = bytes(range(20))
    text = base64.b64encode(digest).decode()
    assert tus_headers.upload_checksum({"upload-checksum": f"sha1 {text}"}) == Checksum(
        "sha1", digest
    )
    for wrong in (
        f"SHA1 {text}",
        f"sha256 {text}",
        f"sha1{text}",
        "sha1",
        "sha1 ",
        f"sha1 {text}!",
    ):
        with pytest.raises(InvalidInput, match="Upload-Checksum"):
            tus_headers.upload_checksum({"upload-checksum": wrong})
