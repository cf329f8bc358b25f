from __future__ import annotations

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reelyard.cluster.storage import filenames
from reelyard.cluster.storage.key_rules import check_segment


@given(st.text())
def test_a_safe_name_is_always_a_valid_part_of_a_key(name: str) -> None:
    safe = filenames.safe_name(name)
    assert check_segment(safe) == safe
    assert not safe.startswith(".")
    assert len(safe.encode()) <= 200
    assert filenames.safe_name(safe) == safe


@pytest.mark.parametrize(
    ("sent", "safe"),
    [
        ("clip.mp4", "clip.mp4"),
        ("C:\\Users\\me\\clip 1.mov", "clip 1.mov"),
        ("../../etc/passwd", "passwd"),
        ("..", "file"),
        ("a/b/", "file"),
        (".hidden", "hidden"),
        ("x\x00y\n.mp4", "xy.mp4"),
        ("日" * 100 + ".mp4", "日" * 65 + ".mp4"),
        ("", "file"),
        ("no suffix", "no suffix"),
    ],
)
def test_names_keep_their_last_part_and_suffix(sent: str, safe: str) -> None:
    assert filenames.safe_name(sent) == safe


@given(st.text(min_size=1).filter(str.isprintable))
@example(" ")
@example("a ")
def test_a_disposition_gives_the_name_back(name: str) -> None:
    header = filenames.content_disposition(name)
    assert header.isascii()
    assert "\n" not in header
    assert filenames.disposition_filename(header) == name


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])))
def test_any_disposition_header_can_be_read(header: str) -> None:
    filenames.disposition_filename(header)


def test_plain_names_need_no_extended_form() -> None:
    assert filenames.content_disposition("a b.mp4") == 'attachment; filename="a b.mp4"'
    assert filenames.content_disposition("a.mp4", "inline") == 'inline; filename="a.mp4"'
    assert filenames.content_disposition('a"b.mp4') == (
        "attachment; filename=\"a_b.mp4\"; filename*=UTF-8''a%22b.mp4"
    )


@given(st.binary(min_size=1, max_size=255).filter(lambda name: not set(name) & set(b"/\0")))
def test_a_fitted_name_leaves_room_and_is_utf_8(name: bytes) -> None:
    text = os.fsdecode(name)
    fitted = filenames.fitted_name(text)
    assert 0 < len(fitted.encode()) <= 240
    assert filenames.fitted_name(fitted) == fitted
    if fitted != text:
        assert len(name) > 240 or "\ufffd" in fitted


def test_names_that_have_to_be_changed_never_become_one() -> None:
    long = ["a" * 250 + f"{number}.mp4" for number in range(9)]
    odd = [os.fsdecode(b"caf" + bytes([byte]) + b".mp4") for byte in (0xE8, 0xE9)]
    names = [*long, *odd, "caf\ufffd.mp4", *["b" * 251 + suffix for suffix in (".mp4", ".mov")]]
    assert len({filenames.fitted_name(name).rpartition(".")[0] for name in names}) == len(names)
    assert filenames.fitted_name(long[0]).endswith(".mp4")
    assert filenames.fitted_name("caf\u00e9.mp4") == "caf\u00e9.mp4"


@given(st.binary(min_size=1, max_size=255).filter(lambda name: not set(name) & set(b"/\0")))
def test_the_name_of_an_unfinished_file_is_one_that_disks_take(name: bytes) -> None:
    part = filenames.part_name(os.fsdecode(name), ".part-12345678-1")
    assert len(os.fsencode(part)) <= 255
    assert part.endswith(".part-12345678-1")
    assert len(name) > 239 or part.startswith(os.fsdecode(name))
