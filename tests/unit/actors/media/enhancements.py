"""Runs of the operation `enhance`, and checks of what came out."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelyard.actors.media.operation import Limits, Progress, Result, Source, Work
from reelyard.actors.media.operations.enhance import EnhanceParams, enhance
from reelyard.cluster.errors import (
    MediaError,
)
from tests.unit.actors.media.audio.audio_samples import (
    measured_by_ffmpeg,
)


def run_enhance(
    path: Path,
    out: Path,
    *,
    progress: Progress | None = None,
    limits: Limits | None = None,
    **params: object,
) -> Result:
    out.mkdir(exist_ok=True)
    checked = EnhanceParams.model_validate(params)
    work = Work(
        [Source(path, path.name)],
        checked,
        out,
        limits=limits or Limits(),
        progress=progress or Progress(),
    )
    try:
        result = enhance(work)
    except MediaError:
        assert list(out.iterdir()) == [], "a failed run leaves nothing behind"
        raise
    assert [file.path for file in result.files] == list(out.iterdir())
    return result


def check_loudness(result: Result, target: float, peak: float = -1.0) -> None:
    """By FFmpeg's own meter, not by the one that the operation uses."""
    lufs, true_peak = measured_by_ffmpeg(result.files[0].path)
    assert lufs == pytest.approx(target, abs=0.5)
    assert true_peak <= peak + 0.1
    after = result.data["loudness"]["after"]
    assert after["integrated_lufs"] == pytest.approx(lufs, abs=0.1)
