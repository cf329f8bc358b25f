"""The operation `optimize`: images and videos made small enough for the web, by preset."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from reelyard.actors.media.catalogue import operation
from reelyard.actors.media.codec.geometry import Layout, fit_size
from reelyard.actors.media.codec.verify import Expect, verify_output
from reelyard.actors.media.operation import Kind, Lane, MediaFile, Params, Result, Work
from reelyard.actors.media.sampling.scaler import scaled_size
from reelyard.actors.media.sampling.video import open_video
from reelyard.actors.media.stills import EXTENSIONS, make_still, write_still
from reelyard.actors.media.transcode.pipeline import TranscodeReport, transcode
from reelyard.actors.media.transcode.settings import AudioSettings, TranscodeSettings, VideoSettings
from reelyard.actors.media.truncation.policy import Ending, truncation_data
from reelyard.cluster.errors import (
    BadRequest,
    MediaError,
    NoSuchStream,
    OutputUnwritable,
    UnsupportedCodec,
    UnsupportedType,
    VerificationFailed,
)
from reelyard.cluster.faults import unfit

ImageStrategy = Literal["webp", "avif", "jpeg"]
VideoStrategy = Literal["mp4", "webm"]
Media = Literal["image", "video"]

_LABELS = {"mp4": "video-mp4-h264", "webm": "video-webm-vp9"}
_ENCODING = (UnsupportedCodec, VerificationFailed, OutputUnwritable)


class OptimizePreset(BaseModel):
    """How strongly media is squeezed; see `optimize.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_width: int = Field(ge=16, le=16_384)
    image_quality: int = Field(ge=1, le=100)
    avif_quality: int = Field(ge=1, le=100)
    video_crf: int = Field(ge=0, le=51)
    video_bitrate_kbps: int = Field(ge=50, le=60_000)
    audio_bitrate_kbps: int = Field(ge=16, le=512)
    image_order: tuple[ImageStrategy, ...] = Field(get_args(ImageStrategy), min_length=1)
    video_order: tuple[VideoStrategy, ...] = Field(get_args(VideoStrategy), min_length=1)


class _PresetFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    presets: dict[str, OptimizePreset]
    default: str | None = None


_presets: dict[str, OptimizePreset] = {}


def add_presets(path: Path | str) -> list[str]:
    """Read presets from a TOML file of the form of `optimize.toml`; returns their names.

    A preset of a name that is there already replaces it. Raises `BadRequest` naming the file's
    fault. A Python file listed in the setting `operations` is the place to call this.
    """
    try:
        with Path(path).open("rb") as file:
            told = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadRequest(f"presets can't be read from {path}: {error}") from error
    try:
        read = _PresetFile.model_validate(told)
    except ValidationError as error:
        raise BadRequest(unfit(_PresetFile, error, told, f"presets in {path}").message) from None
    _presets.update(read.presets)
    return list(read.presets)


def presets() -> Mapping[str, OptimizePreset]:
    """All presets by name, those that came with Reelyard first."""
    return dict(_presets)


DEFAULT_PRESET = "web"
add_presets(Path(__file__).with_suffix(".toml"))


def _known(name: str) -> str:
    if name not in _presets:
        raise ValueError(f"must be one of {', '.join(_presets)}, not {name!r}")
    return name


class OptimizeParams(Params):
    """Make an image or a video small enough for the web.

    The preset's formats are tried in order until one encodes. Images are not enlarged. Of an
    animated image the first frame is taken.
    """

    preset: Annotated[str, AfterValidator(_known)] = Field(
        DEFAULT_PRESET, description="mobile, web, low-bandwidth, or one of the operator's own"
    )
    media: Media | None = Field(
        None,
        description="what the input must be; unset: either. Images announced as such are done "
        "in the light lane, and so do not wait behind videos",
    )
    partial: bool = Field(
        False, description="deliver what is there of a video that is cut off short; unset: fail"
    )


def _lane(params: OptimizeParams) -> Lane:
    # What the input is shows only on the worker, so what was not announced counts as a video.
    return "light" if params.media == "image" else "cpu"


def _kind(params: OptimizeParams) -> Kind:
    return params.media or "video"


@dataclass(frozen=True)
class _Optimized:
    file: MediaFile
    strategy: str
    kind: Media
    width: int
    """px, of the input, upright."""
    duration_s: float | None = None
    notes: Sequence[str] = ()
    endings: Sequence[Ending] = ()


@operation("optimize", params=OptimizeParams, lane=_lane, kind=_kind)
def optimize(work: Work[OptimizeParams]) -> Result:
    """Write `<base>.<webp|avif|jpg|mp4|webm>`; the data say what was saved."""
    source = work.input
    media: Media = "image" if source.sniffed.image else "video"
    if work.params.media not in (None, media):
        raise UnsupportedType(f"{source.name!r} is not of the type {work.params.media}/*")
    made = _image(work) if media == "image" else _video(work)
    work.progress("encode", fraction=1.0)
    before, after = source.path.stat().st_size, made.file.path.stat().st_size
    saved = max(0, before - after)
    data = {
        "kind": made.kind,
        "preset": work.params.preset,
        "strategy": made.strategy,
        "content_type": made.file.mime,
        "filename": made.file.path.name,
        "input_bytes": before,
        "output_bytes": after,
        "saved_bytes": saved,
        "saved_percent": round(saved / before * 100, 2),
        "input_duration_s": made.duration_s,
        "output_duration_s": made.file.facts.get("duration_s"),
        "input_width": made.width,
        "output_width": made.file.facts.get("width"),
        "notes": list(made.notes) or None,
    }
    known = {name: value for name, value in data.items() if value is not None}
    return Result([made.file], known | truncation_data(made.endings))


def base_name(name: str) -> str:
    """`name` without its last suffix, other characters than A-Z a-z 0-9 . _ - made `_`."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return re.sub(r"\.[^.]+$", "", cleaned).lstrip(".") or "media"


def _image(work: Work[OptimizeParams]) -> _Optimized:
    preset, source = _presets[work.params.preset], work.input
    made = make_still(
        source,
        lambda width, height: _narrowed(width, height, preset.max_width),
        limits=work.limits,
        threads=work.threads,
    )
    base = work.out_dir / base_name(source.name)

    def encode(strategy: ImageStrategy) -> MediaFile:
        quality = preset.avif_quality if strategy == "avif" else preset.image_quality
        target = base.with_name(base.name + EXTENSIONS[strategy])
        return write_still(made.still, target, strategy, quality=quality, threads=work.threads)

    strategy, file = _first_that_encodes(preset.image_order, encode, work.out_dir)
    return _Optimized(file, f"image-{strategy}", "image", made.source_width, notes=made.notes)


def _narrowed(width: int, height: int, most: int) -> Layout:
    """At most `most` px wide, with an even height."""
    narrow = min(width, most)
    even = max(2, round(height * narrow / width / 2) * 2)
    return fit_size(width, height, narrow, even, "fill", even=False)


def _video(work: Work[OptimizeParams]) -> _Optimized:
    preset, source = _presets[work.params.preset], work.input
    try:
        with open_video(source, work.limits) as video:
            input_width, duration_s = video.width, video.duration_s
            width, height = scaled_size(video.width, video.height, preset.max_width)
    except NoSuchStream as error:
        raise UnsupportedType(
            f"{source.name!r} is neither an image nor a video", internal=error.message
        ) from error
    base = work.out_dir / base_name(source.name)
    made: list[TranscodeReport] = []

    def encode(strategy: VideoStrategy) -> MediaFile:
        target = base.with_name(f"{base.name}.{strategy}")
        report = transcode(
            [source],
            target,
            replace(transcode_settings(preset, strategy, width), partial=work.params.partial),
            threads=work.threads,
            limits=work.limits,
            progress=work.progress,
        )
        made[:] = [report]
        expect = Expect(
            width=width,
            height=height,
            frames=report.encoded,
            has_audio=report.audio_tracks > 0,
        )
        return MediaFile(target, "video", verify_output(target, expect))

    strategy, file = _first_that_encodes(preset.video_order, encode, work.out_dir)
    return _Optimized(
        file,
        _LABELS[strategy],
        "video",
        input_width,
        round(duration_s, 3),
        made[0].notes,
        made[0].endings,
    )


def transcode_settings(preset: OptimizePreset, strategy: str, width: int) -> TranscodeSettings:
    """What a preset means for MP4 (H.264, AAC) or WebM (VP9, Opus), `width` px wide."""
    most, bits = preset.video_bitrate_kbps * 1000, preset.audio_bitrate_kbps * 1000
    if strategy == "mp4":
        video = VideoSettings(
            "h264",
            crf=preset.video_crf,
            preset="veryfast",
            max_bitrate=most,
            width=width,
        )
        return TranscodeSettings("mp4", video, AudioSettings("aac", bitrate=bits))
    video = VideoSettings(
        "vp9",
        crf=preset.video_crf + 2,
        preset="fast",
        max_bitrate=max(600_000, most - 300_000),
        width=width,
    )
    return TranscodeSettings("webm", video, AudioSettings("opus", bitrate=bits))


def _first_that_encodes[S: str](
    order: tuple[S, ...], encode: Callable[[S], MediaFile], folder: Path
) -> tuple[S, MediaFile]:
    """The first strategy of `order` that succeeds, and its file; raises the last one's error."""
    failure: MediaError | None = None
    for strategy in order:
        try:
            return strategy, encode(strategy)
        except MediaError as error:
            # Faults of the input would befall the next strategy too.
            if not (isinstance(error, _ENCODING) or type(error) is MediaError):
                raise
            failure = error
            for half in folder.iterdir():
                half.unlink()
    assert failure is not None
    raise failure
