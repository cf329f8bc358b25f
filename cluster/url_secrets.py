"""Secrets in URLs, found and hidden: user and password, signatures, tokens.

What counts as a secret of a URL, of whatever scheme:

- everything before the `@` of its authority;
- the value of a parameter (in the query, the fragment or behind a `;`) whose name tells of a
  secret: `X-Amz-Signature`, `sig`, `token`, `api_key`, `Policy` and their like;
- any other value that is a JSON Web Token, or 32 and more letters and digits in one run, or a URL
  that has a secret itself.

Host, path and all other parameters stay: they say what is meant. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import unquote, unquote_plus

HIDDEN = "***"

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_QUOTED = re.compile(r"""(?<=(['"]))[a-z][a-z0-9+.-]*://.*?(?=\1)""", re.IGNORECASE | re.DOTALL)
_BARE = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)
_PARAMETER = re.compile(r"([?&;#])([^=&;#?]+)=([^&;#]*)")
_SECRET_NAME = re.compile(
    r"signature|token|secret|credential|passw|passphrase|auth(?!or)|hmac|jwt|session"
    r"|ticket|(api|access|private|shared|account)[-_.]?key|key[-_]?(pair)?[-_]?id|policy"
    r"|(^|[-_.])(l?sig|sign(ed)?|key|pwd|pass|mac|md5|hash|digest|hdn(ts|tl|ea)|rlkey|sas|otp)$"
)
_TOKEN = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.[\w-]*|(?=[^0-9]*[0-9])(?=[^a-z]*[a-z])[a-z0-9+=]{32,}", re.IGNORECASE
)
_PORT = re.compile(r"[0-9]*")


def hide_url_secrets(url: str) -> str:
    """The URL `url` with `***` in place of each secret; what is no URL stays as it is."""
    found = _SCHEME.match(url)
    if found is None:
        return url
    return found[0] + _hidden(url[found.end() :])


def hide_in_text(text: str) -> str:
    """`text` with the secrets of all URLs in it hidden, quoted ones and bare ones."""
    if "://" not in text:
        return text
    quoted = _QUOTED.sub(lambda found: hide_url_secrets(found[0]), text)
    return _BARE.sub(lambda found: hide_url_secrets(found[0]), quoted)


def hide_secrets[T](value: T) -> T:
    """`value` (text, or lists and dicts of it) with the secrets of every URL in it hidden.

    A text that begins as a URL is one, to its end.
    """
    return cast("T", _hide(value))


def _hide(value: Any) -> Any:
    match value:
        case str():
            if "://" not in value:
                return value
            return hide_url_secrets(value) if _SCHEME.match(value) else hide_in_text(value)
        case Mapping():
            return {_hide(name): _hide(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_hide(inner) for inner in value]
    return value


def without_secrets(url: str) -> str:
    """`url` without user, password, query and fragment: as short as messages want it."""
    found = _SCHEME.match(url)
    if found is None:
        return "an unreadable URL"
    user, host, tail = _split(url[found.end() :])
    del user
    return found[0].lower() + host + re.split(r"[?#]", tail, maxsplit=1)[0]


def _hidden(rest: str) -> str:
    user, host, tail = _split(rest)
    at = f"{HIDDEN}@" if user is not None else ""
    return at + host + _PARAMETER.sub(_hide_parameter, tail)


def _split(rest: str) -> tuple[str | None, str, str]:
    """The user part (None: there is none), the host with its port, and what follows them."""
    end = next((place for place, char in enumerate(rest) if char in "/?#"), len(rest))
    user, at, host = rest[:end].rpartition("@")
    if at:
        return user, host, rest[end:]
    # A bare `/`, `?` or `#` in a password ends the authority too early: no port has letters.
    _, colon, port = host.rpartition(":")
    if colon and "]" not in port and not _PORT.fullmatch(port) and "@" in rest:
        user, _, behind = rest.rpartition("@")
        end = next((place for place, char in enumerate(behind) if char in "/?#"), len(behind))
        return user, behind[:end], behind[end:]
    return None, host, rest[end:]


def _hide_parameter(found: re.Match[str]) -> str:
    mark, name, value = found.groups()
    if not value or not _is_secret(name, value):
        return found[0]
    return f"{mark}{name}={HIDDEN}"


def _is_secret(name: str, value: str) -> bool:
    if value == HIDDEN:
        return False
    if _SECRET_NAME.search(unquote(name).lower()):
        return True
    plain = unquote_plus(value)
    if _TOKEN.fullmatch(plain):
        return True
    return "://" in plain and hide_url_secrets(plain) != plain
