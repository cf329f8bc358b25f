"""Signed tokens: what they carry, and that nothing else passes for one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.api.http.signing import FileGrant, Signer
from reelyard.cluster.errors import Forbidden, Gone, InvalidCursor, Unauthorized

SECRET = "a secret of enough characters"


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signer(clock: Clock) -> Signer:
    return Signer(SECRET, clock)


def test_a_grant_comes_back_until_it_expires(signer: Signer, clock: Clock) -> None:
    grant = FileGrant("GET", "tenants/t/ü.mp4", filename="ü.mp4", disposition="inline")
    token = signer.sign_file(grant, 60)
    assert token.isascii()
    assert "/" not in token
    clock.now += 59
    read = signer.read_file(token)
    assert (read.key, read.filename, read.disposition) == (grant.key, "ü.mp4", "inline")
    assert signer.left_s(read) == 1
    clock.now += 1
    with pytest.raises(Gone):
        signer.read_file(token)


@given(st.data())
def test_a_token_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    signer = Signer(SECRET)
    token = signer.sign_file(FileGrant("GET", "k"), 60)
    at = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.characters(codec="utf-8").filter(lambda char: char != token[at]))
    with pytest.raises(Forbidden):
        signer.read_file(token[:at] + char + token[at + 1 :])


@given(st.text())
def test_foreign_text_is_refused_in_every_role(text: str) -> None:
    signer = Signer(SECRET)
    with pytest.raises(Forbidden):
        signer.read_file(text)
    with pytest.raises(InvalidCursor):
        signer.read_cursor(text)
    with pytest.raises(Unauthorized):
        signer.read_token(text)


def test_one_kind_of_token_is_not_another(signer: Signer) -> None:
    cursor = signer.sign_cursor({"method": "GET", "key": "k", "expires_ms": 1 << 60})
    with pytest.raises(Forbidden):
        signer.read_file(cursor)
    with pytest.raises(InvalidCursor):
        signer.read_cursor(signer.sign_file(FileGrant("GET", "k"), 60))
    with pytest.raises(Unauthorized):
        signer.read_token(cursor)


def test_another_secret_reads_nothing(signer: Signer) -> None:
    other = Signer("another secret of enough characters")
    with pytest.raises(InvalidCursor):
        other.read_cursor(signer.sign_cursor({"a": 1}))
    with pytest.raises(ValueError, match="16"):
        Signer("short")


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_cursors_carry_their_state(state: dict[str, Any]) -> None:
    signer = Signer(SECRET)
    assert signer.read_cursor(signer.sign_cursor(state)) == state


def test_access_tokens_are_json_web_tokens(signer: Signer, clock: Clock) -> None:
    token = signer.sign_token({"key_id": "k1"}, 1800)
    header, body, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    assert json.loads(header) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(body) == {"key_id": "k1", "iat": 1_700_000_000, "exp": 1_700_001_800}
    assert signer.read_token(token)["key_id"] == "k1"
    clock.now += 1800
    with pytest.raises(Unauthorized, match="expired"):
        signer.read_token(token)


@pytest.mark.parametrize("alg", ["none", "HS512", "RS256"])
def test_a_token_that_names_another_algorithm_is_refused(signer: Signer, alg: str) -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    head = f"{part({'alg': alg, 'typ': 'JWT'})}.{part({'key_id': 'x', 'exp': 1 << 40})}"
    guess = hmac.digest(SECRET.encode(), head.encode(), hashlib.sha256)
    for mac in ("", base64.urlsafe_b64encode(guess).rstrip(b"=").decode()):
        with pytest.raises(Unauthorized):
            signer.read_token(f"{head}.{mac}")
