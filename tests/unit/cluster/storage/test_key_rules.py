from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.cluster.errors import BadRequest
from reelyard.cluster.storage.key_rules import (
    NOT_IN_NAMES,
    TEMP_PREFIX,
    check_key,
    check_prefix,
    check_segment,
)


@pytest.mark.parametrize("key", ["a", "a/b.mp4", "日本/ß #1?.wav", "a" * 255, "/".join("a" * 500)])
def test_a_key_is_any_path_of_plain_names(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "a/./b",
        "a/../b",
        "..",
        "a\\b",
        "a/b\n",
        "a\x00",
        "a\x7f",
        "\ud800",
        "a" * 256,
        "/".join("a" * 600),
        f"a/{TEMP_PREFIX}1",
    ],
)
def test_what_a_disk_or_a_bucket_could_take_for_something_else_is_no_key(key: str) -> None:
    with pytest.raises(BadRequest):
        check_key(key)


@given(st.text(max_size=30))
def test_a_part_of_a_key_never_reaches_out_of_its_folder(segment: str) -> None:
    try:
        checked = check_segment(segment)
    except BadRequest:
        return
    assert checked == segment
    assert check_key(f"a/{segment}/b").split("/") == ["a", segment, "b"]


def test_a_prefix_is_a_key_or_the_whole_store() -> None:
    assert check_prefix("a/b/") == check_prefix("a/b") == "a/b"
    assert check_prefix("") == check_prefix("/") == ""
    with pytest.raises(BadRequest):
        check_prefix("a/../b/")


def test_no_name_holds_a_control_character_or_half_of_a_surrogate_pair() -> None:
    everything = map(chr, range(sys.maxunicode + 1))
    refused = {char for char in everything if NOT_IN_NAMES.fullmatch(char)}
    categories = {unicodedata.category(char) for char in refused}
    assert categories == {"Cc", "Cs"}
    assert len(refused) == 65 + 2048
