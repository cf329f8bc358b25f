"""The operation `preview`: images and short clips that show what a video is about."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from reelyard.actors.media.catalogue import operation
from reelyard.actors.media.operation import Kind, Lane, MediaFile, Params, Result, Work
from reelyard.actors.media.param_types import HexColour
from reelyard.actors.media.preview.clip import write_clip
from reelyard.actors.media.preview.gif import GifSettings, write_gif
from reelyard.actors.media.preview.mosaic import MosaicGrid, write_mosaic
from reelyard.actors.media.preview.thumbnail import thumbnail_of_image, thumbnail_of_video
from reelyard.actors.media.sampling.timestamps import parse_timestamp
from reelyard.actors.media.truncation.policy import truncation_data

PreviewType = Literal["gif", "thumbnail", "mosaic", "clip"]

_LEAST_CELL_PX = 16
_DURATIONS: dict[str, tuple[float, float]] = {"gif": (5, 15), "clip": (10, 30)}
"""Default and greatest length by type, s."""


Timestamp = Annotated[float, BeforeValidator(parse_timestamp, json_schema_input_type=float | str)]


class PreviewParams(Params):
    """Make an animated GIF, a thumbnail, a mosaic of frames, or a short clip of a video.

    Previews come out upright, in SDR, and are never enlarged.
    """

    preview_type: PreviewType = Field(
        description="gif; thumbnail (JPEG); mosaic (JPEG, a grid of evenly spaced frames); "
        "clip (MP4, H.264 and AAC)"
    )
    timestamp: Timestamp | None = Field(
        None,
        description="thumbnail: the frame to take, in seconds, MM:SS or HH:MM:SS; unset: the key "
        "frame at or before 25 % of the duration, or a better one where that is flat",
    )
    exact: bool = Field(
        False,
        description="thumbnail without a timestamp: the very frame at 25 % of the duration; takes "
        "decoding from the key frame on",
    )
    start: Timestamp | None = Field(
        None, description="gif, clip: where it starts, in seconds, MM:SS or HH:MM:SS; unset: 0"
    )
    duration: float | None = Field(
        None,
        gt=0,
        le=30,
        description="gif, clip: length in seconds; unset: 5 for gif (at most 15), 10 for clip "
        "(at most 30)",
    )
    width: int = Field(480, ge=16, le=3840, description="width of the output, px; height follows")
    columns: int = Field(4, ge=1, le=8, description="mosaic: frames side by side")
    rows: int = Field(4, ge=1, le=8, description="mosaic: frames one below the other")
    fps: int = Field(10, ge=1, le=20, description="gif: frames a second")
    gap: int = Field(0, ge=0, le=64, description="mosaic: px between frames")
    background: HexColour = Field("#000000", description="mosaic: hex colour of the gaps")
    timestamps: bool = Field(False, description="mosaic: write its time on each frame")
    fade: float = Field(
        0, ge=0, le=2, description="gif: seconds of fading in from black and out to it"
    )
    loop_fade: float = Field(
        0,
        ge=0,
        le=2,
        description="gif: seconds in which the end dissolves into the beginning, so that the loop "
        "has no jump; the GIF becomes shorter by as much",
    )

    partial: bool = Field(
        False,
        description="clip of a video that is cut off short: deliver what is there instead of "
        "failing; images and GIFs always show what is there",
    )

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if self.duration is not None and self.preview_type in _DURATIONS:
            most = _DURATIONS[self.preview_type][1]
            if self.duration > most:
                raise ValueError(
                    f"duration of a {self.preview_type} is at most {most:g} s, not "
                    f"{self.duration:g}"
                )
        if self.preview_type == "mosaic" and self.grid.cell_width < _LEAST_CELL_PX:
            raise ValueError(
                f"width {self.width} leaves less than {_LEAST_CELL_PX} px for each of "
                f"{self.columns} columns"
            )
        return self

    @property
    def length_s(self) -> float:
        """`duration`, or the type's default."""
        if self.duration is not None:
            return self.duration
        return _DURATIONS.get(self.preview_type, (0.0, 0.0))[0]

    @property
    def grid(self) -> MosaicGrid:
        """The layout of a mosaic."""
        return MosaicGrid(
            self.columns, self.rows, self.width, self.gap, self.background, self.timestamps
        )


def _lane(params: PreviewParams) -> Lane:
    return "light" if params.preview_type in ("thumbnail", "mosaic") else "cpu"


def _kind(params: PreviewParams) -> Kind:
    kinds: dict[str, Kind] = {"gif": "animation", "clip": "video"}
    return kinds.get(params.preview_type, "image")


@operation("preview", params=PreviewParams, lane=_lane, kind=_kind)
def preview(work: Work[PreviewParams]) -> Result:
    """Write `<stem>.gif`, `<stem>.jpg` or `<stem>.mp4`; the data say which times it shows."""
    make = {"gif": _gif, "thumbnail": _thumbnail, "mosaic": _mosaic, "clip": _clip}
    made, data = make[work.params.preview_type](work)
    work.progress("encode", fraction=1.0)
    size: dict[str, Any] = {name: made.facts.get(name) for name in ("width", "height")}
    return Result([made], {"preview_type": work.params.preview_type, **size, **data})


def _thumbnail(work: Work[PreviewParams]) -> tuple[MediaFile, dict[str, Any]]:
    source, params = work.input, work.params
    out = work.out_dir / f"{source.stem}.jpg"
    if source.sniffed.image:
        made = thumbnail_of_image(
            source, out, width=params.width, limits=work.limits, threads=work.threads
        )
        return made, {}
    made, shown = thumbnail_of_video(
        source,
        out,
        width=params.width,
        timestamp_s=params.timestamp,
        exact=params.exact,
        limits=work.limits,
        threads=work.threads,
        progress=work.progress,
    )
    return made, {"timestamp": shown.time_s, **shown.found.data}


def _mosaic(work: Work[PreviewParams]) -> tuple[MediaFile, dict[str, Any]]:
    made, times_s, found = write_mosaic(
        work.input,
        work.out_dir / f"{work.input.stem}.jpg",
        work.params.grid,
        limits=work.limits,
        threads=work.threads,
        progress=work.progress,
    )
    return made, {"timestamps": times_s, **found.data}


def _gif(work: Work[PreviewParams]) -> tuple[MediaFile, dict[str, Any]]:
    params = work.params
    start_s = params.start or 0.0
    settings = GifSettings(
        start_s, params.length_s, params.fps, params.width, params.fade, params.loop_fade
    )
    made, found = write_gif(
        work.input,
        work.out_dir / f"{work.input.stem}.gif",
        settings,
        limits=work.limits,
        threads=work.threads,
        progress=work.progress,
    )
    data = {"start": start_s, "duration": made.facts["duration_s"], **found.data}
    return made, data


def _clip(work: Work[PreviewParams]) -> tuple[MediaFile, dict[str, Any]]:
    params = work.params
    start_s = params.start or 0.0
    made, report = write_clip(
        work.input,
        work.out_dir / f"{work.input.stem}.mp4",
        start_s=start_s,
        duration_s=params.length_s,
        width=params.width,
        partial=params.partial,
        limits=work.limits,
        threads=work.threads,
        progress=work.progress,
    )
    remarks = {"notes": report.notes} if report.notes else {}
    data = {"start": start_s, "duration": made.facts.get("duration_s")}
    return made, data | truncation_data(report.endings) | remarks
