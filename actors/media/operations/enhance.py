"""The operation `enhance`: speech and other audio cleaned up and brought to a loudness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from reelyard.actors.media.audio.clean_up_chain import CleanUp, HumMode, Strength
from reelyard.actors.media.audio.companions import copied_streams, dropped_streams, fits
from reelyard.actors.media.audio.enhancement import (
    Enhancement,
    EnhancementReport,
    removed_on_failure,
)
from reelyard.actors.media.audio.gain import LoudnessGoal
from reelyard.actors.media.audio.output_formats import (
    VIDEO_FORMATS,
    FormatName,
    Target,
    choose_bit_rate,
    choose_target,
)
from reelyard.actors.media.audio.recording_kinds import Content
from reelyard.actors.media.audio.source import (
    EnhancementSource,
    check_video_fits,
    choose_streams,
    pcm_for,
    to_key_frame,
)
from reelyard.actors.media.catalogue import operation
from reelyard.actors.media.codec.decode import whole_s
from reelyard.actors.media.codec.source import check_duration, open_input
from reelyard.actors.media.codec.timing.ending import survey
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.codec.timing.vacant_streams import left_out, vacant_streams
from reelyard.actors.media.codec.verify import Expect, verify_output
from reelyard.actors.media.operation import Kind, MediaFile, Params, Result, Work
from reelyard.actors.media.truncation.policy import truncation_data
from reelyard.cluster.errors import UnsupportedOutput, VerificationFailed


@dataclass(frozen=True)
class ContentPreset:
    """What a kind of content gets where the caller says nothing."""

    high_pass_hz: float | None
    noise_reduction: Strength
    hum: HumMode
    sibilance: Strength
    dynamics: Strength
    target_lufs: float


_ROOM = ContentPreset(100, "high", "auto", "low", "high", -18)
PRESETS: dict[Content, ContentPreset] = {
    "conference": _ROOM,
    "meeting": _ROOM,
    "lecture": _ROOM,
    "interview": ContentPreset(80, "medium", "auto", "low", "medium", -16),
    # Telephone audio has no sibilants and nothing below 300 Hz.
    "mobile_phone": ContentPreset(120, "high", "auto", "off", "high", -18),
    # Bass lines are lines too, and dynamics are the music's own.
    "music": ContentPreset(None, "off", "off", "off", "off", -14),
    "podcast": ContentPreset(80, "medium", "auto", "low", "medium", -16),
    "studio": ContentPreset(60, "low", "auto", "low", "low", -18),
    "voice_over": ContentPreset(80, "low", "auto", "medium", "medium", -18),
    "voice_recording": ContentPreset(80, "high", "auto", "low", "medium", -16),
    "other": ContentPreset(70, "medium", "auto", "off", "low", -18),
}
assert set(PRESETS) == set(get_args(Content))


def _hum_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class EnhanceParams(Params):
    """Clean up audio: rumble, hum, noise, harsh s, uneven level; then set its loudness.

    What is left unset follows from `content`. A video keeps its frames, copied without loss.
    """

    content: Content = Field("other", description="kind of recording; sets the defaults below")
    high_pass: bool | None = Field(None, description="cut rumble below the voice")
    high_pass_hz: float | None = Field(
        None, ge=20, le=500, description="cut-off frequency in Hz, 12 dB an octave"
    )
    noise_reduction: Strength | None = Field(
        None, description="steady noise goes down by up to 6, 12, 20 or 30 dB"
    )
    hum: Annotated[HumMode, BeforeValidator(_hum_text)] | None = Field(
        None, description="mains hum: auto looks for it, 50 or 60 (Hz) is told"
    )
    sibilance: Strength | None = Field(None, description="soften harsh s and sh")
    dynamics: Strength | None = Field(None, description="even out soft and loud passages")
    loudness: bool = Field(True, description="bring the whole to target_lufs")
    target_lufs: float | None = Field(
        None, ge=-40, le=-8, description="integrated loudness of the result in LUFS (BS.1770)"
    )
    peak_limit_db: float = Field(
        -1.0, ge=-20, le=0, description="highest true peak of the result in dBTP"
    )
    format: FormatName = Field("same", description="container; same: the input's where possible")
    bit_rate: int | None = Field(
        None, ge=8_000, le=1_024_000, description="bit/s of the audio; not for wav and flac"
    )
    start: float | None = Field(
        None,
        ge=0,
        description="start of the region to enhance in s; a video begins at the key frame before",
    )
    end: float | None = Field(None, gt=0, description="end of the region in s")
    partial: bool = Field(
        False, description="deliver what is there of an input that is cut off short; unset: fail"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.end is not None and self.end <= (self.start or 0):
            raise ValueError(f"end ({self.end:g} s) must come after start ({self.start or 0:g} s)")
        if self.bit_rate is not None and self.format in ("wav", "flac"):
            raise ValueError(f"bit_rate: {self.format} is lossless and takes none")
        if self.high_pass is False and self.high_pass_hz is not None:
            raise ValueError("high_pass_hz is set but high_pass is off")
        if not self.loudness and self.target_lufs is not None:
            raise ValueError("target_lufs is set but loudness is off")
        return self


def clean_up(params: EnhanceParams) -> CleanUp:
    """The parameters completed by their content's preset."""
    preset = PRESETS[params.content]
    on = params.high_pass or params.high_pass_hz is not None
    if params.high_pass is None:
        on = on or preset.high_pass_hz is not None
    return CleanUp(
        high_pass_hz=(params.high_pass_hz or preset.high_pass_hz or 40.0) if on else None,
        noise_reduction=params.noise_reduction or preset.noise_reduction,
        hum=params.hum or preset.hum,
        sibilance=params.sibilance or preset.sibilance,
        dynamics=params.dynamics or preset.dynamics,
    )


def goal(params: EnhanceParams) -> LoudnessGoal:
    """Target loudness and highest true peak; without loudness only overload is prevented."""
    if not params.loudness:
        return LoudnessGoal(None, 0.0)
    target = params.target_lufs
    return LoudnessGoal(
        PRESETS[params.content].target_lufs if target is None else target, params.peak_limit_db
    )


def _kind(params: EnhanceParams) -> Kind:
    return "video" if params.format in VIDEO_FORMATS else "audio"


@operation("enhance", params=EnhanceParams, lane="cpu", kind=_kind)
def enhance(work: Work[EnhanceParams]) -> Result:
    """Decode, clean, level, encode, and measure what was written."""
    params, file = work.params, work.input
    with open_input(file, work.limits) as container:
        vacant = vacant_streams(file, container, work.limits, tick=work.progress)
        clock = PacketClock(container)
        clock.survey(work.progress)
        source = choose_streams(clock, file, start_s=params.start, end_s=params.end, vacant=vacant)
        _check_region(source, params)
        check_duration(source.length_s, work.limits, file.name)
        if source.told.points_behind and not params.partial:
            found = survey(file, work.limits, until_s=params.end, tick=work.progress)
            found.refuse_unless(partial=False)
        target = _target(source, params)
        check_video_fits(source, target)
        if target.holds_video:
            source = to_key_frame(source)
        pcm = pcm_for(source, target)
        output = work.out_dir / f"{file.stem}{target.suffix}"
        enhancement = Enhancement(
            source=source,
            target=target,
            pcm=pcm,
            wanted=clean_up(params),
            goal=goal(params),
            bit_rate=choose_bit_rate(
                target.encoder, params.bit_rate, rate=pcm.rate, channels=pcm.channels
            ),
            limits=work.limits,
            progress=work.progress,
            partial=params.partial,
        )
        kept = copied_streams(container, source.video, target)
        empty = left_out(file, container, vacant)
        dropped = dropped_streams(container, source.audio, kept, vacant)
        kind: Kind = "video" if source.video is not None and target.holds_video else "audio"
        with removed_on_failure(output):
            report = enhancement.run(output)
            facts = verified(output, report, has_video=kind == "video")
    return Result(
        files=[MediaFile(output, kind, facts)],
        data=result_data(report, goal(params), source, params, dropped, empty),
    )


def _check_region(source: EnhancementSource, params: EnhanceParams) -> None:
    whole = float(whole_s(source.clock) or 0)
    if params.start is not None and whole and source.length_s <= 0:
        raise UnsupportedOutput(
            f"start: {params.start:g} s is behind the end of {source.name!r} ({whole:.2f} s)",
            details={"start": params.start, "duration_s": whole},
        )


def _target(source: EnhancementSource, params: EnhanceParams) -> Target:
    target = choose_target(params.format, source.format)
    if params.format == "same" and source.video is not None and not fits(target, source.video):
        return choose_target("mkv", source.format)
    return target


def verified(output: Path, report: EnhancementReport, *, has_video: bool) -> dict[str, Any]:
    """Facts of the file that was written.

    Raises `VerificationFailed` if it does not hold the audio in full length, or not every packet
    of the video.
    """
    facts = verify_output(output, Expect(has_audio=True))
    wanted_s = report.samples / report.rate
    # Encoders add up to two frames of their own, and containers round.
    if abs(report.after.duration_s - wanted_s) > 0.15:
        raise VerificationFailed(
            f"{output.name!r} holds {report.after.duration_s:.2f} s of audio, not {wanted_s:.2f} s"
        )
    copied = report.copied.get("video", 0)
    if has_video and abs(facts.get("frames", 0) - copied) > 1:
        raise VerificationFailed(
            f"{output.name!r} holds {facts.get('frames', 0)} frames, not {copied}"
        )
    return facts


def result_data(
    report: EnhancementReport,
    aim: LoudnessGoal,
    source: EnhancementSource,
    params: EnhanceParams,
    dropped: list[str],
    empty: list[str],
) -> dict[str, Any]:
    """The result's data: what was found, done and reached."""
    setting, after = report.setting, report.after
    notes = [*empty, *source.told.notes]
    if not report.ending.whole:
        notes.append(report.ending.note)
    if report.before.loudness.integrated_lufs is None:
        notes.append("the audio is silent: its level was left alone")
    elif setting.capped:
        notes.append("the target lies beyond what gain and limiter may do without harm")
    if report.before.loudness.duration_s < 0.4:
        notes.append("shorter than 0.4 s: loudness was measured as if it were repeated")
    if report.bad_packets:
        notes.append(f"{report.bad_packets} damaged packets were skipped")
    if jumps := source.clock.note:
        notes.append(jumps)
    if report.gaps_s:
        notes.append(f"{report.gaps_s:.1f} s of gaps were filled with silence")
    if dropped:
        notes.append(f"left out: {', '.join(dropped)}")
    started = float(source.region.zero - source.origin) if source.region.cut else None
    if started is not None and params.start is not None and params.start - started > 0.001:
        notes.append(f"it begins at {started:.3f} s, a key frame: the video is only copied")
    return {
        "loudness": {
            "before": report.before.loudness.as_dict(),
            "after": after.as_dict(),
            "target_lufs": aim.lufs,
            "peak_limit_dbtp": aim.peak_dbtp if params.loudness else None,
            "gain_db": round(setting.gain_db, 2),
            "limited": setting.ceiling_dbtp is not None,
        },
        **report.before.as_dict(),
        "filters": [step.name for step in report.chain.filters],
        "duration_s": round(after.duration_s, 3),
        **truncation_data([report.ending]),
        "region": None if started is None else {"start": round(started, 3), "end": params.end},
        "notes": notes,
    }
