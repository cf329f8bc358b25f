"""ittybit's answers: what `ittybit_shapes.py` makes, and what the OpenAPI document says of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from pydantic import Field

IttybitStatus = Literal["queued", "processing", "succeeded", "failed", "cancelled"]
Millis = Annotated[int | None, Field(description="Unix milliseconds; null until then")]


class IttybitTimes(TypedDict):
    """When a job or a task came on, ran and ended."""

    created_at: Millis
    started_at: Millis
    finished_at: Millis
    updated_at: Millis


class IttybitJobError(TypedDict):
    """Why a job or a task failed."""

    kind: str
    message: str


class IttybitCodecs(TypedDict):
    """Names of codecs; null where there is no such stream."""

    video: str | None
    audio: str | None


class IttybitExternalFile(TypedDict):
    """A file that is known by its URL alone."""

    object: Literal["external_file"]
    url: str


class IttybitFile(TypedDict):
    """A file that was made or looked at."""

    object: Literal["file"]
    kind: str | None
    url: Annotated[str | None, Field(description="null once the file has been deleted")]
    format: str | None
    width: Annotated[int | None, Field(description="pixels")]
    height: Annotated[int | None, Field(description="pixels")]
    duration: Annotated[float | None, Field(description="seconds")]
    filesize: Annotated[int | None, Field(description="bytes")]
    codecs: IttybitCodecs
    type: NotRequired[Annotated[str, Field(description="content type, of what was made")]]


class IttybitTask(IttybitTimes):
    """A step of a job."""

    id: Annotated[str, Field(description="`task_…`")]
    object: Literal["task"]
    kind: str
    input: Annotated[
        IttybitExternalFile | IttybitFile, Field(discriminator="object", description="its input")
    ]
    options: dict[str, Any]
    output: IttybitFile | None
    status: IttybitStatus | Literal["waiting"]
    progress: Annotated[int | None, Field(description="0 to 100; null of probe and export")]
    error: IttybitJobError | None


class IttybitJob(IttybitTimes):
    """A job with its tasks."""

    id: Annotated[str, Field(description="`job_…`")]
    object: Literal["job"]
    kind: str
    input: Annotated[str, Field(description="URL")]
    output: Annotated[str | None, Field(description="URL of what was made")]
    options: dict[str, Any]
    metadata: dict[str, Any]
    status: IttybitStatus
    error: IttybitJobError | None
    tasks: list[IttybitTask]
