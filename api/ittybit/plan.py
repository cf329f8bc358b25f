"""Their kinds and options as our operations and task graphs. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from actors.jobs.model import JobSpec, TaskSpec
from actors.media.operation import validation_failed
from api.ittybit.bodies import OPTIONS, AnimationOptions, AudioOptions, Options, VideoOptions
from cluster.errors import UnsupportedOutput

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
        raise validation_failed("options", error) from None


def job_tasks(kind: str, params: dict[str, Any], output: str | None) -> list[TaskSpec]:
    """Probe, then encode (named after the kind), then export to `output`."""
    return [
        TaskSpec(name="probe", operation="probe", inputs=["input"]),
        TaskSpec(
            name=kind,
            operation=OPERATIONS[kind],
            params=params,
            inputs=["input"],
            needs=["probe"],
        ),
        TaskSpec(name="export", operation="export", inputs=[f"task:{kind}"], output=output),
    ]


def operation_params(kind: str, sent: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the kind's operation. Raises `ValidationFailed`, `UnsupportedOutput`."""
    if kind == "probe":
        return {}
    options = read_options(kind, sent)
    said = options.model_dump(exclude_none=True)
    said.setdefault("format", DEFAULT_FORMATS[kind])
    if isinstance(options, AnimationOptions):
        return _animation(said)
    if isinstance(options, VideoOptions):
        return _video(said)
    return _audio(said) if isinstance(options, AudioOptions) else said
