"""Dolby.io's answers: what `dolby_shapes.py` makes, and what the OpenAPI document says of it."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import Field

DolbyStatus = Literal["Pending", "Running", "Success", "Cancelled", "Failed"]
Time = Annotated[str | None, Field(description="ISO 8601 in UTC, with milliseconds")]
Seconds = Annotated[float | None, Field(description="seconds")]
BitRate = Annotated[int | None, Field(description="bit/s")]


class DolbyToken(TypedDict):
    """A bearer token."""

    token_type: Literal["Bearer"]
    access_token: str
    expires_in: Annotated[int, Field(description="seconds")]


class DolbyJobId(TypedDict):
    """A job by its id."""

    job_id: str


class DolbyUrl(TypedDict):
    """A signed URL, which ends after a while."""

    url: str


class DolbyJobError(TypedDict):
    """Why a job failed; `detail` and `details` are the same, for clients that read either."""

    type: str
    title: str
    detail: str
    details: str


class DolbyContainerInfo(TypedDict):
    """A file as a whole; size in bytes."""

    kind: str | None
    duration: Seconds
    bitrate: BitRate
    size: int | None


class DolbyAudioInfo(TypedDict):
    """The first sound track."""

    codec: str | None
    channels: int | None
    sample_rate: Annotated[int | None, Field(description="Hz")]
    duration: Seconds
    bitrate: BitRate


class DolbyVideoInfo(TypedDict):
    """The first video track, as it is seen."""

    codec: str | None
    frame_rate: float | None
    height: int | None
    width: int | None
    duration: Seconds
    bitrate: BitRate


class DolbyMediaInfo(TypedDict):
    """What a file is."""

    container: DolbyContainerInfo
    audio: NotRequired[DolbyAudioInfo]
    video: NotRequired[DolbyVideoInfo]


class DolbyResult(TypedDict):
    """What a job found out; empty for those that make media."""

    media_info: NotRequired[DolbyMediaInfo]


class DolbyJob(TypedDict):
    """A job as polling its path tells it."""

    path: Annotated[str, Field(description="the path to poll it at")]
    status: DolbyStatus
    progress: Annotated[int, Field(ge=0, le=100)]
    api_version: str
    result: DolbyResult
    error: NotRequired[Annotated[DolbyJobError, Field(description="only of a failed job")]]


class DolbyJobItem(TypedDict):
    """A job in the list."""

    job_id: str
    api_version: str
    path: Annotated[str, Field(description="the path to poll it at")]
    status: DolbyStatus
    progress: Annotated[int, Field(ge=0, le=100)]
    duration: Annotated[float, Field(description="seconds of media; 0 while nobody knows")]
    time_submitted: Time
    time_started: Time
    time_completed: Time
    expiry: Annotated[str | None, Field(description="a month after the end")]


class DolbyJobPage(TypedDict):
    """A page of jobs, newest first."""

    count: Annotated[int, Field(description="jobs on this page")]
    jobs: list[DolbyJobItem]
    next_token: NotRequired[Annotated[str, Field(description="of all pages but the last")]]
