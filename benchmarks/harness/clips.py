"""Where real clips are, if any are at hand: `--clips FOLDER`, or BENCH_CLIPS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from benchmarks.harness.report import Report
from reelyard.actors.testing.sample_media import make_sample

_BESIDE = Path(__file__).parents[3] / "shared" / "media" / "video"
OPTION: dict[str, Any] = {
    "type": Path,
    "default": Path(os.environ.get("BENCH_CLIPS", _BESIDE)),
    "help": "folder of real videos",
}


def real_videos(folder: Path) -> Iterator[tuple[Path, float, int]]:
    """The videos of a folder that PyAV opens: path, length in seconds, height; in order of their
    names. None where there is no such folder."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            with av.open(str(path)) as container:
                height = container.streams.video[0].height
                length_s = (container.duration or 0) / av.time_base
        # AttributeError: the video has no decoder.
        except (av.FFmpegError, IndexError, OSError, AttributeError):
            continue
        if length_s > 0:
            yield path, length_s, height


def tell_missing(report: Report, folder: Path) -> None:
    """Say why the rows of real clips are not there."""
    report.note(f"no real clips: {folder} is not there; --clips FOLDER or BENCH_CLIPS names one")


_SHAPES = (
    ("a.mp4", 1920, 1080),
    ("b.mp4", 1280, 720),
    ("c.webm", 854, 480),
    ("d.mkv", 640, 360),
)


def made_videos(folder: Path, length_s: float) -> list[Path]:
    """Videos of several codecs and sizes, a key frame each second."""
    folder.mkdir(parents=True)
    return [
        make_sample(folder / name, duration_s=length_s, width=width, height=height)
        for name, width, height in _SHAPES
    ]
