"""Lengths of time in milliseconds, and times as people and other systems write them."""

from __future__ import annotations

from datetime import UTC, datetime

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def iso(ms: int | None) -> str | None:
    """Unix milliseconds as `2025-01-15T10:00:00Z` (ISO 8601, UTC, whole seconds); None stays."""
    if ms is None:
        return None
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
