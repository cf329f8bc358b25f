"""The base of all JSON bodies: what is unknown, or can't be kept as sent, is refused."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MAX_METADATA_BYTES = 16 << 10
MAX_DEPTH = 32
"""Encoders and stores give up at some depth; a body that goes there is not meant well."""
_INTEGERS = range(-(1 << 63), 1 << 64)
"""What every store and encoder can hold."""


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(msgspec.json.encode(value)) > MAX_METADATA_BYTES:
        raise ValueError(f"metadata takes at most {MAX_METADATA_BYTES} bytes of JSON")
    return value


Metadata = Annotated[dict[str, Any], AfterValidator(_small)]
"""Kept with the job and sent in every list of jobs: at most 16 KiB of JSON."""

Url = Annotated[str, Field(min_length=1, max_length=8192)]
"""A location, as the sender wrote it."""


class Body(BaseModel):
    """Base of every body: unknown fields are refused, not ignored, and so is what can't be kept."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        if (fault := unkeepable(value)) is not None:
            raise ValueError(fault)
        return value


def unkeepable(value: object) -> str | None:
    """Why decoded JSON can't be stored and sent again as it is; None if it can.

    Python's decoder lets through what is no JSON (NaN), no text (half a surrogate pair), or more
    than other decoders take.
    """
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.keys()
                inner += one.values()
            elif isinstance(one, list):
                inner += one
            elif (fault := _scalar_fault(one)) is not None:
                return fault
        if not inner:
            return None
        level = inner
    return f"lists and objects may be nested {MAX_DEPTH} deep"


def _scalar_fault(value: object) -> str | None:
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            return f"{value[:80]!r} holds half a surrogate pair, which is no text"
    elif isinstance(value, float):
        if not isfinite(value):
            return f"{value} is not a finite number"
    elif isinstance(value, int) and value not in _INTEGERS:
        return f"{str(value)[:80]} takes more than 64 bits"
    return None
