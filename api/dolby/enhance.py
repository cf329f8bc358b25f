"""Dolby's enhance body as our `enhance` operation."""

from __future__ import annotations

from typing import Any

from reelyard.actors.jobs.model import JobSpec
from reelyard.actors.media.audio.recording_kinds import Content
from reelyard.actors.media.operations.enhance import PRESETS
from reelyard.api.dolby import dolby_shapes
from reelyard.api.dolby.bodies import Audio, EnhanceBody, Filter, Loudness, Place, Reduction, Speech
from reelyard.api.dolby.locations import (
    locate_result,
    locate_source,
    refuse_auth,
    refuse_callback,
    url_of,
)
from reelyard.api.http.caller import Caller
from reelyard.api.http.services import Services
from reelyard.cluster.errors import ValidationFailed

_USUAL_AMOUNT = "medium"
"""What a clean-up is set to that is switched on where the content's preset has it off."""


async def enhance_spec(body: EnhanceBody, caller: Caller, services: Services) -> JobSpec:
    """The job that the body asks for. Raises whatever it is refused for."""
    refuse_callback(body.on_complete, dolby_shapes.ENHANCE)
    if isinstance(body.output, Place):
        refuse_auth(body.output.auth, "output")
    output = url_of(body.output)
    return JobSpec(
        operation="enhance",
        inputs=[await locate_source(body.input, caller, services)],
        params=enhance_params(body),
        output=await locate_result(output, caller, services),
        tenant=caller.tenant,
        dialect="dolby",
        input=url_of(body.input),
        params_sent=body.model_dump(mode="json", exclude_unset=True, exclude={"input", "output"}),
        output_sent=output,
    )


def enhance_params(body: EnhanceBody) -> dict[str, Any]:
    """Parameters of the operation; what the body leaves open, the content decides. Pure.

    Raises `ValidationFailed` for what this server can't do.
    """
    content: Content = body.content.type or "other"
    audio = body.audio
    refuse_unknown_arts(audio)
    said: dict[str, Any] = {"content": content}
    if isinstance(body.input, Place) and body.input.region:
        said |= {"start": body.input.region.start or None, "end": body.input.region.end}
    if audio.noise:
        said["noise_reduction"] = _level(audio.noise.reduction, content, "noise_reduction")
    if audio.dynamics:
        said["dynamics"] = _level(audio.dynamics.range_control, content, "dynamics")
    if audio.speech and audio.speech.sibilance:
        said["sibilance"] = _level(audio.speech.sibilance.reduction, content, "sibilance")
    said |= _filter(audio.filter or Filter()) | _loudness(audio.loudness)
    return {name: value for name, value in said.items() if value is not None}


def refuse_unknown_arts(audio: Audio) -> None:
    """Raises `ValidationFailed` if something is switched on that is not done here."""
    speech, filters = audio.speech or Speech(), audio.filter or Filter()
    wanted = {
        "audio.speech.isolation": speech.isolation,
        "audio.speech.plosive.reduction": speech.plosive and speech.plosive.reduction,
        "audio.speech.click.reduction": speech.click and speech.click.reduction,
        "audio.filter.dynamic_eq": filters.dynamic_eq,
        "audio.music.detection": audio.music and audio.music.detection,
    }
    on = [name for name, switch in wanted.items() if switch and switch.enable]
    if on:
        raise ValidationFailed(
            f"{', '.join(on)}: not done by this server; it does noise.reduction, loudness, "
            "dynamics.range_control, filter.high_pass, filter.hum and speech.sibilance"
        )


def _level(switch: Reduction, content: Content, name: str) -> str | None:
    if not switch.enable:
        return "off"
    if switch.amount not in (None, "auto"):
        return switch.amount
    return _USUAL_AMOUNT if getattr(PRESETS[content], name) == "off" else None


def _filter(filters: Filter) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if filters.high_pass:
        said["high_pass"] = filters.high_pass.enable
        said["high_pass_hz"] = filters.high_pass.frequency if filters.high_pass.enable else None
    if filters.hum:
        said["hum"] = "auto" if filters.hum.enable else "off"
    return said


def _loudness(loudness: Loudness | None) -> dict[str, Any]:
    if loudness is None:
        return {}
    if not loudness.enable:
        return {"loudness": False}
    return {
        "loudness": True,
        "target_lufs": loudness.target_level,
        "peak_limit_db": loudness.peak_limit,
    }
