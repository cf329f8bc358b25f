"""Pipelyn's answers: what `pipelyn_shapes.py` makes, and what the OpenAPI document says of it."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import Field

PipelynStatus = Literal["pending", "processing", "done", "failed"]
Millis = Annotated[int, Field(description="Unix milliseconds")]


class PipelynHealth(TypedDict):
    """The server answers."""

    ok: Literal[True]


class PipelynPreset(TypedDict):
    """A preset; width in pixels, bit rates in kbit/s."""

    name: str
    maxWidth: int
    imageQuality: int
    videoCrf: int
    videoBitrateKbps: int
    audioBitrateKbps: int


class PipelynPresets(TypedDict):
    """All presets."""

    defaultPreset: str
    presets: list[PipelynPreset]


class PipelynLimits(TypedDict):
    """The largest input."""

    maxInputBytes: int
    maxInputMegabytes: int


class PipelynUsage(TypedDict):
    """Sums over what has been optimised."""

    totalJobs: int
    totalInputBytes: int
    totalOutputBytes: int
    totalSavedBytes: int


class PipelynAccepted(TypedDict):
    """A job that was taken on."""

    jobId: str
    status: PipelynStatus
    createdAt: Millis


class PipelynResult(TypedDict):
    """What came out; what is not known is left out."""

    kind: Annotated[str, Field(description="image, video …")]
    strategy: str
    contentType: str
    filename: str
    outputBytes: int
    savedBytes: int
    savedPercent: float
    inputDurationSec: NotRequired[float]
    outputDurationSec: NotRequired[float]
    inputWidth: NotRequired[int]
    outputWidth: NotRequired[int]


class PipelynJobError(TypedDict):
    """Why a job failed."""

    message: str
    code: str


class PipelynJob(TypedDict):
    """A job; `result` once it is done, `error` once it has failed."""

    jobId: str
    status: PipelynStatus
    preset: str
    filename: Annotated[str, Field(description="the name that was uploaded")]
    inputBytes: int
    createdAt: Millis
    updatedAt: Millis
    completedAt: Annotated[int | None, Field(description="Unix milliseconds")]
    downloadUrl: Annotated[str | None, Field(description="null until it is done")]
    result: NotRequired[PipelynResult]
    error: NotRequired[PipelynJobError]
