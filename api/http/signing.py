"""Signed, expiring tokens: for URLs of files, for paging cursors, and access tokens.

A token is `<payload>.<mac>`: base64url of JSON, and of HMAC-SHA256 (RFC 2104) over purpose and
payload. Each purpose has a key of its own, so that one kind can't pass for another. Access tokens
are JSON Web Tokens with HS256 (RFC 7519, RFC 7515), since clients of that API expect one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from reelyard.cluster.errors import Forbidden, Gone, InvalidCursor, Unauthorized

Disposition = Literal["attachment", "inline"]
_JWT_HEADER = {"alg": "HS256", "typ": "JWT"}


class FileGrant(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the bearer of a file token may do, with one object."""

    method: Literal["GET", "PUT"]
    key: str
    """Storage key."""
    filename: str = ""
    """Name that a browser saves it under; empty: the key's last segment."""
    content_type: str = ""
    """Sent on GET; empty: what the name means."""
    disposition: Disposition = "attachment"
    max_bytes: int = 0
    """Cap of a PUT; 0: that of the server."""
    cache_control: str = ""
    """Sent on GET; empty: private, for as long as the token lives."""
    expires_ms: int = 0


class Signer:
    """Makes and checks tokens with one secret, which every process of the cluster knows."""

    def __init__(self, secret: str, now_s: Callable[[], float] = time.time) -> None:
        if len(secret) < 16:
            raise ValueError("the signing secret needs at least 16 characters")
        self._secret = secret.encode()
        self._now_s = now_s

    def sign_file(self, grant: FileGrant, ttl_s: float) -> str:
        """The token of `/api/files/<token>`, good for `ttl_s` seconds."""
        expires_ms = round((self._now_s() + ttl_s) * 1000)
        dated = msgspec.structs.replace(grant, expires_ms=expires_ms)
        return self._seal("file", msgspec.json.encode(dated))

    def read_file(self, token: str) -> FileGrant:
        """What `token` grants. Raises `Forbidden` if it was not made here, `Gone` once expired."""
        payload = self._open("file", token)
        if payload is None:
            raise Forbidden("this link is not valid")
        grant = msgspec.json.decode(payload, type=FileGrant)
        if grant.expires_ms <= self._now_s() * 1000:
            raise Gone("this link has expired")
        return grant

    def left_s(self, grant: FileGrant) -> int:
        """Whole seconds until the grant ends, at least 0."""
        return max(0, int(grant.expires_ms / 1000 - self._now_s()))

    def sign_cursor(self, state: dict[str, Any]) -> str:
        """An opaque cursor that holds `state` (JSON-able)."""
        return self._seal("cursor", _json(state))

    def read_cursor(self, text: str, name: str = "cursor") -> dict[str, Any]:
        """The state in a cursor, which came in the field `name`. Raises `InvalidCursor`."""
        payload = self._open("cursor", text)
        if payload is None:
            raise InvalidCursor(
                f"{name}: {text[:80]!r} is not one that this server gave out",
                details={"field": name, "value": text[:80]},
            )
        state: dict[str, Any] = json.loads(payload)
        return state

    def sign_token(self, claims: dict[str, Any], life_s: float) -> str:
        """A JSON Web Token with `claims`, `iat` and `exp`."""
        now = int(self._now_s())
        body = _json(claims | {"iat": now, "exp": now + int(life_s)})
        signed = f"{_encode(_json(_JWT_HEADER))}.{_encode(body)}"
        return f"{signed}.{_encode(self._mac('jwt', signed.encode()))}"

    def read_token(self, token: str) -> dict[str, Any]:
        """The claims of a token that `sign_token` made. Raises `Unauthorized`, also once expired.

        The header's algorithm is never obeyed: anything but ours is refused (RFC 8725, 3.1).
        """
        head, _, mac = token.rpartition(".")
        header, _, body = head.partition(".")
        if header != _encode(_json(_JWT_HEADER)) or not self._equal("jwt", head, mac):
            raise Unauthorized("this access token is not valid")
        claims: dict[str, Any] = json.loads(_decode(body) or b"{}")
        if int(claims.get("exp", 0)) <= self._now_s():
            raise Unauthorized("this access token has expired")
        return claims

    def _seal(self, purpose: str, payload: bytes) -> str:
        text = _encode(payload)
        return f"{text}.{_encode(self._mac(purpose, text.encode()))}"

    def _open(self, purpose: str, token: str) -> bytes | None:
        text, _, mac = token.partition(".")
        return _decode(text) if self._equal(purpose, text, mac) else None

    def _equal(self, purpose: str, text: str, mac: str) -> bool:
        expected = self._mac(purpose, text.encode("utf-8", "replace"))
        # Compared as text, too: base64 has several spellings of the same bytes.
        return hmac.compare_digest(_encode(expected).encode(), mac.encode("utf-8", "replace"))

    def _mac(self, purpose: str, data: bytes) -> bytes:
        key = hmac.digest(self._secret, f"reelyard {purpose}".encode(), hashlib.sha256)
        return hmac.digest(key, data, hashlib.sha256)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
