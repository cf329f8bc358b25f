"""The bodies that ittybit's documentation shows, with the bounds it states."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from reelyard.api.http.bodies import Body, Metadata, Url
from reelyard.cluster.errors import UnsupportedOutput, ValidationFailed

Quality = Literal["very_low", "low", "medium", "high", "very_high"]
Fit = Literal["contain", "cover", "fill"]
Length = Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern="%$")]
"""Pixels, or a share of the input such as "50%"; the operation knows the bounds."""
Seconds = Annotated[float, Field(ge=0)]


class Range(Body):
    """A part of the input, in seconds."""

    start: Seconds | None = None
    end: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _end_after_start(self) -> Range:
        if self.end is not None and self.end <= (self.start or 0):
            raise ValueError("end must lie after start")
        return self


class Shape(Body):
    """Width and height in pixels or per cent of the input."""

    width: Length | None = None
    height: Length | None = None
    fit: Fit | None = None
    position: str | None = None
    background: str | None = None

    @model_validator(mode="after")
    def _background_only_with_contain(self) -> Shape:
        if self.background is not None and self.fit not in (None, "contain"):
            raise ValueError("background goes only with fit contain")
        return self


class VideoOptions(Shape, Range):
    """`options` of kind video; bit rate in bit/s."""

    format: Literal["mp4", "webm", "mov"] | None = None
    codec: Literal["h264", "h265", "vp9", "av1"] | None = None
    quality: Quality | None = None
    fps: Annotated[float, Field(ge=1, le=60)] | None = None
    bitrate: Annotated[int, Field(ge=300_000, le=60_000_000)] | None = None


class AudioOptions(Range):
    """`options` of kind audio; bit rate in bit/s."""

    format: Literal["mp3", "aac", "ogg", "opus", "wav", "flac"] | None = None
    quality: Quality | None = None
    bitrate: Annotated[int, Field(ge=32_000, le=320_000)] | None = None


class ImageOptions(Shape):
    """`options` of kind image; `start`: the time of the frame in a video, in seconds."""

    format: Literal["jpeg", "png", "webp", "avif"] | None = None
    quality: Quality | None = None
    start: Seconds | None = None


class AnimationOptions(Shape, Range):
    """`options` of kind animation."""

    format: Literal["gif", "webp"] | None = None
    quality: Quality | None = None
    fps: Annotated[int, Field(ge=1, le=20)] | None = None


Options = VideoOptions | AudioOptions | ImageOptions | AnimationOptions
OPTIONS: dict[str, type[Options]] = {
    "video": VideoOptions,
    "audio": AudioOptions,
    "image": ImageOptions,
    "animation": AnimationOptions,
}
"""Kind to what its `options` may say."""


class IttybitJobBody(Body):
    """`POST /jobs`."""

    kind: Literal["video", "audio", "image", "animation", "adaptive_video"]
    input: Url
    options: dict[str, Any] = Field(default_factory=dict)
    output: Url | None = None
    metadata: Metadata = Field(default_factory=dict)
    webhook_url: str | None = None


class TaskInput(Body):
    """A task's input as an object: `url`, and what a probe has told of it."""

    model_config = ConfigDict(extra="allow")

    url: Url


class IttybitTaskBody(Body):
    """`POST /tasks`; the older clients send `url` instead of `input`."""

    kind: Literal["probe", "video", "audio", "image", "animation"]
    input: Url | TaskInput | None = None
    url: Url | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    output: Url | None = None
    metadata: Metadata = Field(default_factory=dict)
    webhook_url: str | None = None

    @property
    def source(self) -> str:
        """The input's URL. Raises `ValidationFailed`."""
        found = self.input.url if isinstance(self.input, TaskInput) else self.input or self.url
        if not found:
            raise ValidationFailed("input: a url is required")
        return found


def refuse_webhook(url: str | None) -> None:
    """Raises `ValidationFailed` for `webhook_url`."""
    if url is not None:
        raise ValidationFailed(
            "webhook_url: this version delivers no webhooks; poll GET /jobs/{id} instead"
        )


def refuse_adaptive(kind: str) -> None:
    """Raises `UnsupportedOutput` for adaptive video."""
    if kind == "adaptive_video":
        kinds = ", ".join(OPTIONS)
        raise UnsupportedOutput(f"kind: adaptive_video is not made here; there are {kinds}")
