from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cluster.errors import BadRequest
from cluster.storage import key_rules


@given(st.text())
def test_a_safe_name_is_always_a_valid_part_of_a_key(name: str) -> None:
    safe = key_rules.safe_name(name)
    assert key_rules.check_segment(safe) == safe
    assert not safe.startswith(".")
    assert len(safe.encode()) <= 200
    assert key_rules.safe_name(safe) == safe


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
    assert key_rules.safe_name(sent) == safe


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_tenant_never_reaches_into_another_folder(tenant: str, name: str) -> None:
    try:
        key = key_rules.dlb_key("me", f"dlb://{name}")
    except BadRequest:
        pass
    else:
        assert key.startswith("tenants/me/dlb/")
        assert ".." not in key.split("/")
    try:
        prefix = key_rules.upload_prefix(tenant, "u")
    except BadRequest:
        return
    assert prefix.split("/")[:2] == ["tenants", tenant]
    assert prefix.count("/") == 4


def test_places_of_outputs_and_uploads() -> None:
    assert (
        key_rules.output_key("t", "j", "transcode", 2, "../a.mp4")
        == "tenants/t/jobs/j/transcode-2/a.mp4"
    )
    assert key_rules.upload_location("t", "u") == "storage:tenants/t/uploads/u/"
    assert key_rules.dlb_key("t", "dlb://in/a.wav") == "tenants/t/dlb/in/a.wav"


@given(st.text(min_size=1).filter(str.isprintable))
@example(" ")
@example("a ")
def test_a_disposition_gives_the_name_back(name: str) -> None:
    header = key_rules.content_disposition(name)
    assert header.isascii()
    assert "\n" not in header
    assert key_rules.disposition_filename(header) == name


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])))
def test_any_disposition_header_can_be_read(header: str) -> None:
    key_rules.disposition_filename(header)


def test_plain_names_need_no_extended_form() -> None:
    assert key_rules.content_disposition("a b.mp4") == 'attachment; filename="a b.mp4"'
    assert key_rules.content_disposition("a.mp4", "inline") == 'inline; filename="a.mp4"'
    assert key_rules.content_disposition('a"b.mp4') == (
        "attachment; filename=\"a_b.mp4\"; filename*=UTF-8''a%22b.mp4"
    )
