"""ittybit's kinds and options as our operations and task graphs. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from reelyard.actors.jobs.locations import JobInputs, TaskOutputs
from reelyard.actors.jobs.model import TaskSpec
from reelyard.api.ittybit.bodies import OPTIONS, Options
from reelyard.cluster.errors import UnsupportedOutput, ValidationFailed
from reelyard.cluster.faults import unfit

OPERATIONS: dict[str, str] = {
    "probe": "probe",
    "video": "transcode",
    "audio": "transcode",
    "image": "image",
    "animation": "preview",
}
"""Kind to operation."""

DEFAULT_FORMATS = {"video": "mp4", "audio": "mp3", "image": "jpeg", "animation": "gif"}


def read_options(kind: str, sent: dict[str, Any]) -> Options:
    """`options` checked for `kind`. Raises `ValidationFailed` naming every fault."""
    try:
        return OPTIONS[kind].model_validate(sent)
    except ValidationError as error:
        raise unfit(OPTIONS[kind], error, sent, "options") from None


def job_tasks(kind: str, params: dict[str, Any], output: str | None) -> list[TaskSpec]:
    """Probe, then encode (named after the kind), then export to `output`."""
    return [
        TaskSpec(name="probe", operation="probe", inputs=[str(JobInputs())]),
        TaskSpec(
            name=kind,
            operation=OPERATIONS[kind],
            params=params,
            inputs=[str(JobInputs())],
            needs=["probe"],
        ),
        TaskSpec(name="export", operation="export", inputs=[str(TaskOutputs(kind))], output=output),
    ]


def operation_params(kind: str, sent: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the kind's operation. Raises `ValidationFailed`, `UnsupportedOutput`."""
    if kind == "probe":
        return {}
    options = read_options(kind, sent)
    said = {"format": DEFAULT_FORMATS[kind]} | options.model_dump(exclude_none=True)
    if kind == "animation":
        return _animation(said)
    if kind == "audio" and "bitrate" in said:
        said["audio_bitrate"] = said.pop("bitrate")
    return said


_ANIMATION = ("format", "start", "end", "width", "fps")
_LONGEST_GIF_S = 15.0


def _animation(said: dict[str, Any]) -> dict[str, Any]:
    if said.pop("format") != "gif":
        raise UnsupportedOutput("options.format: animations are made as gif only, not webp")
    odd = [name for name in said if name not in _ANIMATION]
    if odd or isinstance(said.get("width"), str):
        raise UnsupportedOutput(
            f"options: {', '.join(odd) or 'width in per cent'}: not done for animations here; "
            "there are format, width in pixels, fps, start and end"
        )
    start, end = said.get("start", 0.0), said.pop("end", None)
    length = _LONGEST_GIF_S if end is None else end - start
    if length > _LONGEST_GIF_S:
        raise ValidationFailed(
            f"options: end: an animation lasts at most {_LONGEST_GIF_S:g} s, not {length:g}"
        )
    return said | {"preview_type": "gif", "duration": length}
