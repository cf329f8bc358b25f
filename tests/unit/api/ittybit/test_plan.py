"""ittybit's kinds and options as parameters of our operations."""

from __future__ import annotations

from typing import Any

import pytest

from reelyard.actors.jobs.model import JobSpec
from reelyard.actors.jobs.plan import plan_job
from reelyard.actors.media.catalogue import find_operation
from reelyard.api.ittybit.bodies import (
    IttybitJobBody,
    IttybitTaskBody,
    refuse_adaptive,
    refuse_webhook,
)
from reelyard.api.ittybit.plan import OPERATIONS, job_tasks, operation_params
from reelyard.cluster.errors import UnsupportedOutput, ValidationFailed

DOCUMENTED = {
    "video": {
        "format": "webm",
        "codec": "vp9",
        "quality": "high",
        "width": 640,
        "height": 360,
        "fit": "contain",
        "position": "top",
        "background": "#102030",
        "fps": 25,
        "start": 1,
        "end": 3.5,
    },
    "audio": {"format": "aac", "bitrate": 96_000, "start": 0.5, "end": 2},
    "image": {
        "format": "webp",
        "quality": "very_high",
        "width": "50%",
        "height": 200,
        "fit": "cover",
        "position": "center",
        "start": 2,
    },
    "animation": {"format": "gif", "width": 320, "fps": 12, "start": 1, "end": 4},
}


@pytest.mark.parametrize("kind", OPERATIONS)
@pytest.mark.parametrize("documented", [False, True])
def test_every_documented_option_is_one_that_the_operation_takes(
    kind: str, documented: bool
) -> None:
    params = operation_params(kind, DOCUMENTED.get(kind, {}) if documented else {})
    find_operation(OPERATIONS[kind]).parse(params)


def test_a_job_is_planned_as_probe_then_encode_then_export() -> None:
    spec = JobSpec(
        operation="transcode",
        inputs=["https://example.com/a.mp4"],
        tasks=job_tasks("video", operation_params("video", {"width": 64}), "s3://bucket/a.mp4"),
    )
    job = plan_job(spec)
    assert [task.name for task in job.tasks] == ["probe", "video", "export"]
    assert [task.needs for task in job.tasks] == [[], ["probe"], ["video"]]
    assert [task.inputs for task in job.tasks] == [
        ["https://example.com/a.mp4"],
        ["https://example.com/a.mp4"],
        ["task:video"],
    ]
    assert job.tasks[2].output == "s3://bucket/a.mp4"
    assert (job.operation, job.kind) == ("transcode", "video")


def test_an_animation_without_an_end_is_as_long_as_one_may_be() -> None:
    assert operation_params("animation", {"start": 2})["duration"] == 15.0
    assert operation_params("animation", {"start": 2, "end": 5})["duration"] == 3.0


def test_the_bit_rate_of_an_audio_job_is_that_of_its_audio() -> None:
    assert operation_params("audio", {"bitrate": 64_000}) == {
        "format": "mp3",
        "audio_bitrate": 64_000,
    }


@pytest.mark.parametrize(
    ("kind", "options", "named"),
    [
        ("video", {"format": "avi"}, "format"),
        ("video", {"fps": 61}, "fps"),
        ("video", {"bitrate": 299_999}, "bitrate"),
        ("video", {"start": 3, "end": 2}, "end must lie after start"),
        ("video", {"fit": "cover", "background": "#000000"}, "background"),
        ("video", {"colour": "red"}, "colour"),
        ("audio", {"bitrate": 320_001}, "bitrate"),
        ("audio", {"width": 64}, "width"),
        ("image", {"format": "gif"}, "format"),
        ("image", {"start": -1}, "start"),
        ("image", {"width": "half"}, "width"),
        ("animation", {"fps": 21}, "options: fps"),
        ("animation", {"start": 1, "end": 16.5}, "options: end: .* at most 15 s, not 15.5"),
    ],
)
def test_wrong_options_are_refused_by_name(kind: str, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationFailed, match=named):
        operation_params(kind, options)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"format": "webp"}, "webp"),
        ({"quality": "high"}, "quality"),
        ({"width": "50%"}, "per cent"),
    ],
)
def test_what_animations_can_not_do_yet_is_refused_clearly(
    options: dict[str, Any], named: str
) -> None:
    with pytest.raises(UnsupportedOutput, match=named):
        operation_params("animation", options)


def test_webhooks_and_adaptive_video_are_refused_clearly() -> None:
    body = IttybitJobBody(kind="adaptive_video", input="https://x/a.mp4", webhook_url="https://x/")
    with pytest.raises(ValidationFailed, match="webhook_url"):
        refuse_webhook(body.webhook_url)
    with pytest.raises(UnsupportedOutput, match="adaptive_video"):
        refuse_adaptive(body.kind)


def test_the_input_of_a_task_may_be_a_url_or_a_file_object() -> None:
    for sent in (
        {"input": "https://x/a.mp4"},
        {"url": "https://x/a.mp4"},
        {"input": {"url": "https://x/a.mp4", "object": "file", "width": 64}},
    ):
        assert IttybitTaskBody.model_validate({"kind": "probe"} | sent).source == "https://x/a.mp4"
    with pytest.raises(ValidationFailed, match="url"):
        _ = IttybitTaskBody(kind="probe").source
