"""Fields that the bodies of several dialects share."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, Field

MAX_METADATA_BYTES = 16 << 10


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(msgspec.json.encode(value)) > MAX_METADATA_BYTES:
        raise ValueError(f"metadata takes at most {MAX_METADATA_BYTES} bytes of JSON")
    return value


Metadata = Annotated[dict[str, Any], AfterValidator(_small)]
"""Kept with the job and sent in every list of jobs: at most 16 KiB of JSON."""

Url = Annotated[str, Field(min_length=1, max_length=8192)]
"""A location, as the sender wrote it."""
