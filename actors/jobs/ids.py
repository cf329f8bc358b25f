"""Job ids: UUIDv7 (RFC 9562, section 5.7), so that their order is the order of creation."""

from __future__ import annotations

from uuid import UUID

import uuid_utils

ULID_PREFIX = "job_"
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {char: value for value, char in enumerate(_CROCKFORD)} | {"i": 1, "l": 1, "o": 0}


def new_id() -> str:
    """A fresh id; ids made by one process rise strictly."""
    return str(uuid_utils.uuid7())


def created_ms(job_id: str) -> int:
    """The creation time in a UUIDv7, in Unix milliseconds."""
    return UUID(job_id).int >> 80


def first_id_at(ms: int) -> str:
    """The smallest possible id created at `ms`: the lower edge of a time window."""
    return str(UUID(int=(ms & (1 << 48) - 1) << 80))


def parse_id(text: str) -> str | None:
    """`text` as a canonical id, or None if it is neither a UUID nor `job_` and `to_ulid` of one."""
    if text.startswith(ULID_PREFIX):
        return from_ulid(text.removeprefix(ULID_PREFIX))
    try:
        return str(UUID(text)) if len(text) in (32, 36) else None
    except ValueError:
        return None


def to_ulid(job_id: str) -> str:
    """The 26 characters of Crockford's base 32 (as in the ULID spec) for the same 128 bits."""
    value = UUID(job_id).int
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def from_ulid(text: str) -> str | None:
    """The id that `to_ulid` encoded, or None if `text` is not one."""
    if len(text) != 26 or not set(text.lower()) <= _VALUES.keys():
        return None
    value = 0
    for char in text.lower():
        value = value << 5 | _VALUES[char]
    return str(UUID(int=value)) if value < 1 << 128 else None
