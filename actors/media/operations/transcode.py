"""Operation `transcode`: any video or audio into any supported container and codec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from reelyard.actors.media.catalogue import operation
from reelyard.actors.media.codec import containers
from reelyard.actors.media.codec.errors import media_errors
from reelyard.actors.media.codec.geometry import Fit, fit_size
from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.codec.verify import Expect, verify_output
from reelyard.actors.media.frames import parse_colour
from reelyard.actors.media.operation import Kind, MediaFile, Params, Result, Source, Work
from reelyard.actors.media.param_types import OpaqueColour, Position, length_from
from reelyard.actors.media.transcode.pipeline import TranscodeReport
from reelyard.actors.media.transcode.pipeline import transcode as run_transcode
from reelyard.actors.media.transcode.settings import AudioSettings, TranscodeSettings, VideoSettings
from reelyard.actors.media.truncation.policy import truncation_data
from reelyard.cluster.errors import ReelyardError, UnsupportedOutput

_ALIASES = {
    "hevc": "h265",
    "x264": "h264",
    "x265": "h265",
    "avc": "h264",
    "libx264": "h264",
    "libx265": "h265",
    "libvpx-vp9": "vp9",
    "libsvtav1": "av1",
    "libopus": "opus",
    "libmp3lame": "mp3",
    "pcm": "pcm_s16le",
    "m4v": "mp4",
    "m4b": "m4a",
    "oga": "ogg",
    "matroska": "mkv",
    "quicktime": "mov",
}


def _alias(value: object) -> object:
    return _ALIASES.get(value.lower(), value.lower()) if isinstance(value, str) else value


Length = Annotated[int | str, BeforeValidator(length_from(16))]


class TranscodeParams(Params):
    """Convert video or audio to another container, codec, size, rate or length."""

    format: Annotated[containers.Format, BeforeValidator(_alias)] = Field(
        "mp4", description="container of the output; mp3 to flac hold audio only"
    )
    codec: Annotated[containers.VideoCodec, BeforeValidator(_alias)] | None = Field(
        None, description="video codec; unset: the usual one of the container"
    )
    audio_codec: Annotated[containers.AudioCodec, BeforeValidator(_alias)] | None = Field(
        None, description="audio codec; unset: the usual one of the container"
    )
    quality: containers.Quality | None = Field(
        None, description="of video and audio; unset: medium"
    )
    crf: float | None = Field(
        None, ge=0, le=63, description="constant rate factor, handed to the encoder as it is"
    )
    bitrate: int | None = Field(
        None, ge=10_000, le=200_000_000, description="video bit rate in bit/s instead of a quality"
    )
    preset: str | None = Field(
        None,
        max_length=20,
        description="speed: ultrafast to veryslow; AV1 also 0 to 13, VP9 also realtime-0 to "
        "realtime-9 and good-0 to good-5; unset: fast",
    )
    width: Length | None = Field(
        None, description="width in pixels, or a share of the source such as '50%'"
    )
    height: Length | None = Field(
        None, description="height in pixels, or a share of the source such as '50%'"
    )
    fit: Fit = Field(
        "contain",
        description="contain: whole frame inside width x height; cover: fill it and cut the "
        "rest; fill: stretch",
    )
    position: Position = Field(
        "center", description="what to keep when cover cuts, or where contain puts it"
    )
    background: OpaqueColour | None = Field(
        None,
        description="colour of the bars and behind clear pixels, as '#rrggbb' or '#rgb'; with fit "
        "contain: makes width x height full",
    )
    fps: float | None = Field(
        None, ge=1, le=60, description="constant rate in frames/s; unset: times as in the source"
    )
    audio: bool = Field(True, description="keep the audio of a video")
    audio_track: int | Literal["all"] | None = Field(
        None, description="audio track, from 0, or 'all'; unset: the best one"
    )
    audio_bitrate: int | None = Field(
        None, ge=6_000, le=512_000, description="audio bit rate in bit/s instead of a quality"
    )
    sample_rate: int | None = Field(
        None, ge=8_000, le=192_000, description="audio sample rate in Hz; unset: as the source"
    )
    channels: Literal[1, 2, 6, 8] | None = Field(
        None,
        description="audio channels: 1, 2, 6 (5.1) or 8 (7.1); unset: as the source. Fewer are "
        "mixed by ITU-R BS.775, at -2.5 dB or (integers) lower, behind a limiter",
    )
    start: float = Field(0.0, ge=0, description="where to begin, in seconds")
    end: float | None = Field(None, gt=0, description="where to stop, in seconds; unset: the end")

    partial: bool = Field(
        False, description="deliver what is there of inputs that are cut off short; unset: fail"
    )

    @field_validator("audio_track")
    @classmethod
    def _track(cls, track: int | str | None) -> int | str | None:
        if isinstance(track, int) and not 0 <= track < 64:
            raise ValueError("a track number lies between 0 and 63")
        return track

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end ({self.end:g} s) must come after start ({self.start:g} s)")
        containers.check_codecs(self.format, self.codec, self.audio_codec)
        if self.is_audio:
            self._check_audio_only()
        else:
            self._check_video()
        self._check_audio()
        return self

    def _check_audio_only(self) -> None:
        of_video = {"width", "height", "fps", "crf", "bitrate", "preset", "background"}
        if given := [name for name in sorted(of_video) if getattr(self, name) is not None]:
            raise ValueError(f"{', '.join(given)}: {self.format} holds audio only")
        if not self.audio:
            raise ValueError(f"audio: {self.format} holds nothing but audio")

    def _check_video(self) -> None:
        codec = self.video_codec
        if sum(value is not None for value in (self.crf, self.bitrate, self.quality)) > 1:
            raise ValueError("only one of quality, crf and bitrate can be given")
        low, high = containers.CRF_RANGE[codec]
        if self.crf is not None and not low <= self.crf <= high:
            raise ValueError(f"crf of {codec} lies between {low} and {high}, not {self.crf:g}")
        if self.crf is not None and codec in ("vp9", "av1") and self.crf != int(self.crf):
            raise ValueError(f"crf of {codec} is a whole number, not {self.crf:g}")
        if self.preset is not None:
            containers.preset_options(codec, self.preset)
        if self.background is not None:
            if self.fit != "contain":
                raise ValueError("background is for fit contain only")
            if self.width is None or self.height is None:
                raise ValueError("background needs both width and height")
        if not self.audio and self._audio_settings():
            raise ValueError(f"{self._audio_settings()[0]}: the audio is off")

    def _audio_settings(self) -> list[str]:
        names = ("audio_codec", "audio_track", "audio_bitrate", "sample_rate", "channels")
        return [name for name in names if getattr(self, name) is not None]

    def _check_audio(self) -> None:
        codec = self.resolved_audio_codec
        if self.audio_bitrate is not None and codec in containers.LOSSLESS_AUDIO:
            raise ValueError(f"audio_bitrate: {codec} has no bit rate to choose")
        if codec == "mp3" and (self.audio_bitrate or 0) > 320_000:
            raise ValueError("audio_bitrate: mp3 takes at most 320000")
        if (self.channels or 0) > (most := containers.most_channels(self.format, codec)):
            raise ValueError(f"channels: {codec} audio in {self.format} has at most {most}")
        if self.audio_track == "all" and len(containers.CONTAINERS[self.format].video) == 0:
            raise ValueError(f"audio_track: {self.format} holds one track")

    @property
    def is_audio(self) -> bool:
        """Whether the output holds audio only."""
        return self.format in containers.AUDIO_FORMATS

    @property
    def video_codec(self) -> str:
        """The video codec, the container's usual one filled in."""
        return self.codec or containers.CONTAINERS[self.format].video[0]

    @property
    def resolved_audio_codec(self) -> str:
        """The audio codec, the container's usual one filled in."""
        return self.audio_codec or containers.CONTAINERS[self.format].audio[0]

    def settings(self) -> TranscodeSettings:
        """What the pipeline is to make."""
        quality = self.quality or "medium"
        audio = AudioSettings(
            codec=self.resolved_audio_codec,
            bitrate=self.audio_bitrate,
            quality=quality,
            sample_rate=self.sample_rate,
            channels=self.channels,
            track=self.audio_track,
        )
        return TranscodeSettings(
            format=self.format,
            video=None if self.is_audio else self._video(quality),
            audio=audio if self.audio else None,
            start_s=self.start,
            end_s=self.end,
            partial=self.partial,
        )

    def _video(self, quality: containers.Quality) -> VideoSettings:
        crf = self.crf
        if crf is None and self.bitrate is None:
            crf = containers.crf_for(self.video_codec, quality)
        return VideoSettings(
            codec=self.video_codec,
            crf=crf,
            bitrate=self.bitrate,
            preset=self.preset,
            width=self.width,
            height=self.height,
            fit=self.fit,
            position=self.position,
            background=self.background,
            fps=None if self.fps is None else frames_per_second(self.fps),
        )


def frames_per_second(fps: float) -> Fraction:
    """29.97 is 30000/1001, as broadcast means it; other rates to the nearest 1/1000."""
    for whole in (24, 30, 48, 60):
        ntsc = Fraction(whole * 1000, 1001)
        if abs(fps - float(ntsc)) < 0.005:
            return ntsc
    return Fraction(fps).limit_denominator(1000)


def _kind(params: TranscodeParams) -> Kind:
    return "audio" if params.is_audio else "video"


@operation("transcode", params=TranscodeParams, lane="cpu", kind=_kind, inputs=(1, 20))
def transcode(work: Work[TranscodeParams]) -> Result:
    """One file; several inputs are joined, in the size of the first."""
    params = work.params
    if len(work.inputs) > 1 and (params.start or params.end is not None):
        raise UnsupportedOutput("start and end can't be combined with several inputs")
    settings = params.settings()
    target = work.out_dir / f"{work.input.stem}{settings.container.suffix}"
    with _as_videos(work) as (sources, notes):
        report = run_transcode(
            sources,
            target,
            settings,
            threads=work.threads,
            limits=work.limits,
            progress=work.progress,
        )
    report.notes += notes
    try:
        facts = verify_output(target, _expectation(params, report), tick=work.progress)
    except ReelyardError:
        target.unlink(missing_ok=True)
        raise
    work.progress(fraction=1.0)
    return Result(
        files=[MediaFile(target, _kind(params), facts)],
        data=_report(report) | facts,
    )


@contextmanager
def _as_videos(work: Work[TranscodeParams]) -> Iterator[tuple[list[Source], list[str]]]:
    """The inputs, still images as PNG files that go again; and remarks."""
    sources: list[Source] = []
    notes: list[str] = []
    with ExitStack() as stack:
        for number, source in enumerate(work.inputs):
            readable = source
            if not work.params.is_audio and _is_still(source, work):
                readable = Source(work.out_dir / f".still-{number}.png", source.name)
                stack.callback(readable.path.unlink, missing_ok=True)
                flat = _flatten(source, readable.path, work)
                notes += [f"{source.name!r}: {note}" for note in flat]
            sources.append(readable)
        yield sources, notes


def _flatten(source: Source, target: Path, work: Work[TranscodeParams]) -> Sequence[str]:
    """The image in `source` as FFmpeg reads any: PNG, upright, in sRGB, opaque (on white, unless
    there is a `background`). Returns remarks."""
    # Pillow is for these few only; videos do not wait for its import.
    from reelyard.actors.media.stills import make_still, to_srgb

    made = make_still(
        source,
        lambda width, height: fit_size(width, height, even=False),
        background=parse_colour(work.params.background or "#fff"),
        limits=work.limits,
        threads=work.threads,
    )
    with media_errors(source.name, writing=True):
        to_srgb(made.still.image, made.still.icc).save(target, compress_level=1)
    return made.notes


def _is_still(source: Source, work: Work[TranscodeParams]) -> bool:
    if not source.sniffed.image:
        return False
    # There is no demuxer for what has none, so it can't be probed nor be animated.
    return not source.sniffed.demuxer or probe_media(source, work.limits).kind != "animation"


def _expectation(params: TranscodeParams, report: TranscodeReport) -> Expect:
    decoded_as = {"h265": "hevc"}
    codec = None if params.is_audio else params.video_codec
    return Expect(
        video_codec=None if codec is None else decoded_as.get(codec, codec),
        audio_codec=params.resolved_audio_codec if report.audio_tracks else None,
        width=report.width,
        height=report.height,
        frames=report.encoded or None,
        duration_s=report.duration_s,
        tolerance_s=0.5 + report.duration_s / 100,
        has_video=not params.is_audio,
        has_audio=report.audio_tracks > 0,
    )


def _report(report: TranscodeReport) -> dict[str, Any]:
    return {
        "pictures": {
            "decoded": report.decoded,
            "encoded": report.encoded,
            "dropped": report.dropped,
            "corrupt": report.corrupt,
        },
        **truncation_data(report.endings),
        "notes": report.notes,
    }
