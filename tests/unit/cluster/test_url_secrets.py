from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.cluster.url_secrets import (
    hide_in_text,
    hide_secrets,
    hide_url_secrets,
    without_secrets,
)

words = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=20)
SECRET = "S3cr3t"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:S3cr3t@h/a.mp4", "https://***@h/a.mp4"),
        ("https://S3cr3t@h:8443/a.mp4?x=1", "https://***@h:8443/a.mp4?x=1"),
        ("HTTPS://u:S3cr3t@h", "HTTPS://***@h"),
        ("https://u:pa@S3cr3t@h/a", "https://***@h/a"),
        ("https://u:pa/S3cr3t@h/a", "https://***@h/a"),
        ("https://u:pa?S3cr3t@h/a", "https://***@h/a"),
        ("https://u:pa#S3cr3t@h/a", "https://***@h/a"),
        ("https://u:a S3cr3t@h/a b.mp4", "https://***@h/a b.mp4"),
        ("https://u:S3cr3t@[::1]:80/a", "https://***@[::1]:80/a"),
        ("s3://AKIA:S3cr3t@bucket/key", "s3://***@bucket/key"),
        ("ftp://u:S3cr3t@h/a", "ftp://***@h/a"),
        ("rtsp://u:S3cr3t@cam/1", "rtsp://***@cam/1"),
        ("https://h/a?X-Amz-Expires=9&X-Amz-Signature=S3cr3t", None),
        ("https://h/a?X-Amz-Credential=S3cr3t&X-Amz-Date=1", None),
        ("https://h/a?X-Amz-Security-Token=S3cr3t", None),
        ("https://h/a?X-Goog-Signature=S3cr3t", None),
        ("https://h/a?AWSAccessKeyId=S3cr3t&Expires=1&Signature=S3cr3t", None),
        ("https://h/a?sv=2024-01-01&sr=b&sig=S3cr3t", None),
        ("https://h/a?Policy=S3cr3t&Key-Pair-Id=S3cr3t", None),
        ("https://h/a?access_token=S3cr3t", None),
        ("https://h/a?api%5Fkey=S3cr3t", None),
        ("https://h/a?x=1;token=S3cr3t", None),
        ("https://h/a;jsessionid=S3cr3t/b", None),
        ("https://h/a#access_token=S3cr3t", None),
        ("https://h/a?password=S3cr3t", None),
        ("https://h/a?hm=" + "ab12" * 16, "https://h/a?hm=***"),
        ("https://h/a?x=eyJhbGciOi.eyJzdWIi.c2ln", "https://h/a?x=***"),
        ("https://h/p?url=" + quote("https://u:S3cr3t@h/a", safe=""), "https://h/p?url=***"),
    ],
)
def test_the_secrets_of_a_url_are_hidden(url: str, shown: str | None) -> None:
    hidden = hide_url_secrets(url)
    assert SECRET not in hidden
    assert "***" in hidden
    assert shown in (None, hidden)
    assert hide_url_secrets(hidden) == hidden


@pytest.mark.parametrize(
    "url",
    [
        "https://h/watch?v=dQw4w9WgXcQ&t=10&list=trailers",
        "https://h/@user/clip.mp4",
        "https://h:80/a@b.mp4",
        "https://h/a?id=550e8400-e29b-41d4-a716-446655440000",
        "https://h/a?name=my-holiday-video-from-2024-final-cut.mp4",
        "https://h/a?X-Amz-Expires=3600&X-Amz-Date=20260101T000000Z",
        "file:///a/b@c.mp4",
        "/plain/path@x.mp4",
        "storage:tenants/a/x",
        "me@example.com",
    ],
)
def test_what_says_what_is_meant_stays(url: str) -> None:
    assert hide_url_secrets(url) == url
    assert hide_secrets(url) == url


@given(words, words)
def test_no_password_that_is_quoted_as_urls_want_it_survives(user: str, password: str) -> None:
    user, password = quote(user + "q", safe=""), quote(password + SECRET, safe="")
    assert hide_url_secrets(f"https://{user}:{password}@h/a") == "https://***@h/a"


@given(words)
def test_hiding_twice_changes_nothing_more(text: str) -> None:
    once = hide_secrets(f"https://{text}")
    assert hide_secrets(once) == once


def test_urls_in_a_sentence_are_found_bare_and_quoted() -> None:
    text = "'https://u:my S3cr3t@h/a b' is no URL; see https://S3cr3t@h/x?sig=S3cr3t or a@b.c"
    assert hide_in_text(text) == (
        "'https://***@h/a b' is no URL; see https://***@h/x?sig=*** or a@b.c"
    )


def test_every_depth_of_a_value_is_looked_at() -> None:
    value = {"a": [{"watermark": "https://u:S3cr3t@h/w.png", "n": 1}], "b": ("x", None)}
    assert hide_secrets(value) == {
        "a": [{"watermark": "https://***@h/w.png", "n": 1}],
        "b": ["x", None],
    }


def test_a_short_form_has_neither_user_nor_query() -> None:
    assert without_secrets("HTTPS://u:p@h:1/a?b=1#c") == "https://h:1/a"
    assert without_secrets("https://u:p/w@h/a?b") == "https://h/a"
    assert without_secrets("nonsense") == "an unreadable URL"
