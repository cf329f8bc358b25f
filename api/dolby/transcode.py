"""Dolby's transcode body as our `transcode` and `image` operations."""

from __future__ import annotations

from typing import Any

from reelyard.actors.jobs.locations import JobInputs
from reelyard.actors.jobs.model import JobSpec, TaskSpec
from reelyard.api.dolby import dolby_shapes
from reelyard.api.dolby.bodies import TranscodeBody, TranscodeInput, TranscodeOutput
from reelyard.api.dolby.locations import (
    destination_url,
    locate_result,
    locate_source,
    refuse_callback,
    url_of,
)
from reelyard.api.http.caller import Caller
from reelyard.api.http.services import Services
from reelyard.cluster.errors import UnsupportedOutput, ValidationFailed

IMAGE_FORMATS = {"png": "png", "jpg": "jpeg"}
AUDIO_KINDS = ("mp3", "wav", "ogg")
AUDIO_CODECS = {"aac_lc": "aac"}
"""Their names where ours differ."""


async def transcode_spec(body: TranscodeBody, caller: Caller, services: Services) -> JobSpec:
    """A job with one task for each output. Raises whatever the body is refused for."""
    refuse_callback(body.on_complete, dolby_shapes.TRANSCODE)
    urls = [destination_url(output.destination, body.storage) for output in body.outputs]
    steps = [
        TaskSpec(
            name=name,
            operation=operation_of(output),
            params=output_params(output, body.inputs),
            inputs=[str(JobInputs())],
            output=await locate_result(url, caller, services, f"outputs.{place}.destination"),
        )
        for place, (name, output, url) in enumerate(
            zip(task_names(body.outputs), body.outputs, urls, strict=True)
        )
    ]
    operations = [step.operation for step in steps]
    return JobSpec(
        operation="transcode" if "transcode" in operations else operations[0],
        inputs=[
            await locate_source(entry.source, caller, services, f"inputs.{place}.source")
            for place, entry in enumerate(body.inputs)
        ],
        tenant=caller.tenant,
        dialect="dolby",
        input=url_of(body.inputs[0].source),
        params_sent=body.model_dump(mode="json", exclude_unset=True, exclude={"storage"}),
        output_sent=urls[0],
        tasks=steps,
    )


def task_names(outputs: list[TranscodeOutput]) -> list[str]:
    """The outputs' ids, or their places. Raises `ValidationFailed` if two are the same."""
    names = [output.id or f"output-{place}" for place, output in enumerate(outputs, 1)]
    if len(set(names)) != len(names):
        raise ValidationFailed("outputs: two of them have the same id")
    return names


def operation_of(output: TranscodeOutput) -> str:
    """Images are made by `image`. Raises `UnsupportedOutput` for streaming formats."""
    if output.kind in ("hls", "dash"):
        raise UnsupportedOutput(
            f"outputs.kind: {output.kind} is not made by this server; it makes mp4, webm, mp3, "
            "wav, ogg, png and jpg"
        )
    return "image" if output.kind in IMAGE_FORMATS else "transcode"


def output_params(output: TranscodeOutput, inputs: list[TranscodeInput]) -> dict[str, Any]:
    """Parameters of the output's operation. Pure. Raises `ValidationFailed`."""
    check_parts(output)
    if output.kind in IMAGE_FORMATS:
        image = output.image
        said: dict[str, Any] = {
            "format": IMAGE_FORMATS[output.kind],
            "width": image and image.width,
            "height": image and image.height,
            "start": (_region(inputs).get("start") or 0.0) + (image.offset_sec if image else 0.0),
        }
    else:
        said = {"format": output.kind} | _region(inputs) | _video(output) | _audio(output)
    return {name: value for name, value in said.items() if value is not None}


def check_parts(output: TranscodeOutput) -> None:
    """Raises `ValidationFailed` for a part that the kind of output has no use for."""
    is_image, is_audio = output.kind in IMAGE_FORMATS, output.kind in AUDIO_KINDS
    odd = {
        "video": output.video is not None and (is_image or is_audio),
        "audio": output.audio is not None and is_image,
        "image": output.image is not None and not is_image,
    }
    for name, wrong in odd.items():
        if wrong:
            raise ValidationFailed(f"outputs.{name}: {output.kind} has no {name}")


def _region(inputs: list[TranscodeInput]) -> dict[str, Any]:
    segments = [entry.segment for entry in inputs if entry.segment]
    if not segments:
        return {}
    if len(inputs) > 1:
        raise ValidationFailed("inputs.segment: goes with a single input only")
    (segment,) = segments
    end = None if segment.duration is None else segment.start + segment.duration
    return {"start": segment.start or None, "end": end}


def _video(output: TranscodeOutput) -> dict[str, Any]:
    if (video := output.video) is None:
        return {}
    if video.codec and video.codec.lower() == "vp8":
        raise UnsupportedOutput("outputs.video.codec: vp8 is not made here; webm takes vp9 or av1")
    return {
        "codec": video.codec,
        "width": video.width,
        "height": video.height,
        "fps": video.frame_rate,
        "bitrate": video.bitrate_kb and video.bitrate_kb * 1000,
    }


def _audio(output: TranscodeOutput) -> dict[str, Any]:
    tracks = output.audio if isinstance(output.audio, list) else [output.audio]
    if len(tracks) > 1:
        raise ValidationFailed("outputs.audio: one audio track is written, not several")
    track = tracks[0] if tracks else None
    if track is None:
        return {}
    return {
        "audio_codec": track.codec and AUDIO_CODECS.get(track.codec.lower(), track.codec),
        "audio_bitrate": track.bitrate_kb and track.bitrate_kb * 1000,
        "channels": track.channels,
        "sample_rate": track.sample_rate,
    }
