"""Job ids of a chosen time."""

from __future__ import annotations

import os
from uuid import UUID


def id_at(ms: int) -> str:
    """An id with the creation time `ms` (Unix milliseconds) and random bits behind it."""
    random = int.from_bytes(os.urandom(10))
    value = (ms & (1 << 48) - 1) << 80 | 7 << 76 | (random & 0xFFF) << 64
    value |= 0b10 << 62 | (random >> 12) & (1 << 62) - 1
    return str(UUID(int=value))
