"""Helpers of the media tests: run an operation, look at what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np

from actors.media.operation import Limits, Progress, Result, Source, Work
from actors.media.operations.transcode import TranscodeParams
from actors.media.operations.transcode import transcode as run
from actors.testing.sample_media import read_frame_number


def source(path: Path) -> Source:
    return Source(path, path.name)


def transcode(
    inputs: Path | list[Path],
    out_dir: Path,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
    **params: Any,
) -> Result:
    """The result of `transcode` with these parameters; outputs lie in `out_dir`."""
    out_dir.mkdir(exist_ok=True)
    paths = inputs if isinstance(inputs, list) else [inputs]
    work = Work(
        [source(path) for path in paths],
        TranscodeParams(**{"preset": "ultrafast"} | params)
        if params.get("format", "mp4") in ("mp4", "mov", "mkv", "webm")
        else TranscodeParams(**params),
        out_dir,
        threads=2,
        limits=limits or Limits(),
        progress=progress or Progress(),
    )
    return run(work)


def frames_of(path: Path) -> list[av.VideoFrame]:
    """All frames of the first video, with their pts."""
    with av.open(str(path)) as container:
        video = next(s for s in container.streams.video if not s.disposition & 1024)
        return list(container.decode(video))


def times_of(path: Path) -> list[float]:
    """The time of each frame in s, to 1/1000."""
    return [round(float(frame.time), 3) for frame in frames_of(path)]


def samples_of(path: Path, rate: int = 48_000) -> Any:
    """The first audio track as float32 (channels, samples) at `rate`."""
    resampler = av.AudioResampler("fltp", None, rate)
    with av.open(str(path)) as container:
        parts = [
            part.to_ndarray()
            for frame in container.decode(audio=0)
            for part in resampler.resample(frame)
        ]
        parts += [part.to_ndarray() for part in resampler.resample(None)]
    return np.concatenate(parts, axis=1)


def numbers_of(path: Path) -> list[int]:
    """The number that each frame of a video made of a sample shows."""
    return [read_frame_number(frame) for frame in frames_of(path)]
