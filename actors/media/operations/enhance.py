"""Clean speech and other sound, and bring it to a loudness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from actors.media.audio.chain import CleanUp, HumMode, Level
from actors.media.audio.enhancement import Enhancement, Outcome, removed_on_failure
from actors.media.audio.formats import (
    VIDEO_FORMATS,
    FormatName,
    Target,
    choose_bit_rate,
    choose_target,
)
from actors.media.audio.level import Goal
from actors.media.audio.render import copied_streams, dropped_streams, fits
from actors.media.audio.source import Input, check_film, examine, pcm_for, to_key_frame
from actors.media.codec.source import open_input
from actors.media.codec.verify import Expect, verify_output
from actors.media.content import Content
from actors.media.operation import Kind, MediaFile, Params, Result, Work, operation
from cluster.errors import UnsupportedOutput, VerificationFailed


@dataclass(frozen=True)
class Preset:
    """What a kind of content gets where the caller says nothing."""

    high_pass_hz: float | None
    noise_reduction: Level
    hum: HumMode
    sibilance: Level
    dynamics: Level
    target_lufs: float


_ROOM = Preset(100, "high", "auto", "low", "high", -18)
PRESETS: dict[Content, Preset] = {
    "conference": _ROOM,
    "meeting": _ROOM,
    "lecture": _ROOM,
    "interview": Preset(80, "medium", "auto", "low", "medium", -16),
    # Telephone sound has no sibilants and nothing below 300 Hz.
    "mobile_phone": Preset(120, "high", "auto", "off", "high", -18),
    # Bass lines are lines too, and dynamics are the music's own.
    "music": Preset(None, "off", "off", "off", "off", -14),
    "podcast": Preset(80, "medium", "auto", "low", "medium", -16),
    "studio": Preset(60, "low", "auto", "low", "low", -18),
    "voice_over": Preset(80, "low", "auto", "medium", "medium", -18),
    "voice_recording": Preset(80, "high", "auto", "low", "medium", -16),
    "other": Preset(70, "medium", "auto", "off", "low", -18),
}
assert set(PRESETS) == set(get_args(Content))


def _hum_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class EnhanceParams(Params):
    """Clean up sound: rumble, hum, noise, harsh s, uneven level; then set its loudness.

    What is left unset follows from `content`. A film keeps its picture, copied without loss.
    """

    content: Content = Field("other", description="kind of recording; sets the defaults below")
    high_pass: bool | None = Field(None, description="cut rumble below the voice")
    high_pass_hz: float | None = Field(
        None, ge=20, le=500, description="cut-off frequency in Hz, 12 dB an octave"
    )
    noise_reduction: Level | None = Field(
        None, description="steady noise goes down by up to 6, 12, 20 or 30 dB"
    )
    hum: Annotated[HumMode, BeforeValidator(_hum_text)] | None = Field(
        None, description="mains hum: auto looks for it, 50 or 60 (Hz) is told"
    )
    sibilance: Level | None = Field(None, description="soften harsh s and sh")
    dynamics: Level | None = Field(None, description="even out soft and loud passages")
    loudness: bool = Field(True, description="bring the whole to target_lufs")
    target_lufs: float | None = Field(
        None, ge=-40, le=-8, description="integrated loudness of the result in LUFS (BS.1770)"
    )
    peak_limit_db: float = Field(
        -1.0, ge=-20, le=0, description="highest true peak of the result in dBTP"
    )
    format: FormatName = Field("same", description="container; same: the input's where possible")
    bit_rate: int | None = Field(
        None, ge=8_000, le=1_024_000, description="bit/s of the sound; not for wav and flac"
    )
    start: float | None = Field(
        None,
        ge=0,
        description="start of the region to enhance in s; a film begins at the key frame before",
    )
    end: float | None = Field(None, gt=0, description="end of the region in s")

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


def goal(params: EnhanceParams) -> Goal:
    """Target loudness and highest true peak; without loudness only overload is prevented."""
    if not params.loudness:
        return Goal(None, 0.0)
    target = params.target_lufs
    return Goal(
        PRESETS[params.content].target_lufs if target is None else target, params.peak_limit_db
    )


def _kind(params: EnhanceParams) -> Kind:
    return "video" if params.format in VIDEO_FORMATS else "audio"


@operation("enhance", params=EnhanceParams, lane="cpu", kind=_kind)
def enhance(work: Work[EnhanceParams]) -> Result:
    """Decode, clean, level, encode, and measure what was written."""
    params = work.params
    source = work.input
    with open_input(source.path, work.limits, name=source.name) as container:
        given = examine(container, source, start_s=params.start, end_s=params.end)
        _check_region(given, params)
        target = _target(given, params)
        check_film(given, target)
        if target.video:
            given = to_key_frame(given)
        pcm = pcm_for(given, target)
        output = work.out_dir / f"{source.stem}{target.suffix}"
        enhancement = Enhancement(
            given=given,
            target=target,
            pcm=pcm,
            wanted=clean_up(params),
            goal=goal(params),
            bit_rate=choose_bit_rate(
                target.encoder, params.bit_rate, rate=pcm.rate, channels=pcm.channels
            ),
            limits=work.limits,
            progress=work.progress,
        )
        film = given.film if target.video else None
        dropped = dropped_streams(container, given.sound, copied_streams(container, film, target))
        with removed_on_failure(output):
            outcome = enhancement.run(output)
            facts = verified(output, outcome, film=film is not None)
    kind: Kind = "video" if film is not None else "audio"
    return Result(
        files=[MediaFile(output, kind, facts)],
        data=report(outcome, goal(params), given, params, dropped),
    )


def _check_region(given: Input, params: EnhanceParams) -> None:
    if params.start is not None and given.container.duration and given.length_s <= 0:
        whole = given.container.duration / 1e6
        raise UnsupportedOutput(
            f"start: {params.start:g} s is behind the end of {given.name!r} ({whole:.2f} s)",
            details={"start": params.start, "duration_s": whole},
        )


def _target(given: Input, params: EnhanceParams) -> Target:
    target = choose_target(params.format, given.source)
    if params.format == "same" and given.film is not None and not fits(target, given.film):
        return choose_target("mkv", given.source)
    return target


def verified(output: Path, outcome: Outcome, *, film: bool) -> dict[str, Any]:
    """Facts of the file that was written.

    Raises `VerificationFailed` if it does not hold the sound in full length, or not every packet
    of the film.
    """
    facts = verify_output(output, Expect(has_audio=True))
    wanted_s = outcome.samples / outcome.rate
    # Encoders add up to two frames of their own, and containers round.
    if abs(outcome.after.duration_s - wanted_s) > 0.15:
        raise VerificationFailed(
            f"{output.name!r} holds {outcome.after.duration_s:.2f} s of sound, not {wanted_s:.2f} s"
        )
    copied = outcome.copied.get("video", 0)
    if film and abs(facts.get("frames", 0) - copied) > 1:
        raise VerificationFailed(
            f"{output.name!r} holds {facts.get('frames', 0)} pictures, not {copied}"
        )
    return facts


def report(
    outcome: Outcome, aim: Goal, given: Input, params: EnhanceParams, dropped: list[str]
) -> dict[str, Any]:
    """The result's data: what was found, done and reached."""
    setting, after = outcome.setting, outcome.after
    notes = []
    if outcome.before.loudness.integrated_lufs is None:
        notes.append("the sound is silent: its level was left alone")
    elif setting.capped:
        notes.append("the target lies beyond what gain and limiter may do without harm")
    if outcome.before.loudness.duration_s < 0.4:
        notes.append("shorter than 0.4 s: loudness was measured as if it were repeated")
    if outcome.bad_packets:
        notes.append(f"{outcome.bad_packets} damaged packets were skipped")
    if outcome.gaps_s:
        notes.append(f"{outcome.gaps_s:.1f} s of gaps were filled with silence")
    if dropped:
        notes.append(f"left out: {', '.join(dropped)}")
    started = float(given.region.zero - given.origin) if given.region.cut else None
    if started is not None and params.start is not None and params.start - started > 0.001:
        notes.append(f"it begins at {started:.3f} s, a key frame: the picture is only copied")
    return {
        "loudness": {
            "before": outcome.before.loudness.as_dict(),
            "after": after.as_dict(),
            "target_lufs": aim.lufs,
            "peak_limit_dbtp": aim.peak_dbtp if params.loudness else None,
            "gain_db": round(setting.gain_db, 2),
            "limited": setting.ceiling_dbtp is not None,
        },
        **outcome.before.as_dict(),
        "filters": [step.name for step in outcome.chain.filters],
        "duration_s": round(after.duration_s, 3),
        "region": None if started is None else {"start": round(started, 3), "end": params.end},
        "notes": notes,
    }
