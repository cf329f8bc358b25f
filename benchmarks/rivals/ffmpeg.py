"""The `ffmpeg` command, in the ways in which a careful user would call it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import run


def ffmpeg(threads: int | None) -> list[str]:
    """The command as far as its inputs; None: as many threads as ffmpeg itself takes."""
    import imageio_ffmpeg

    command = [str(imageio_ffmpeg.get_ffmpeg_exe()), "-v", "error", "-nostdin", "-y"]
    return command if threads is None else [*command, "-threads", str(threads)]


def options(settings: Mapping[str, str]) -> list[str]:
    """`{"crf": "23"}` as `-crf 23`."""
    return [part for name, value in settings.items() for part in (f"-{name}", value)]


@dataclass(frozen=True)
class ThumbnailWay:
    """One way to have a thumbnail made, and what it is called."""

    name: str
    seek: tuple[str, ...]
    threads: int | None
    after: tuple[str, ...] = ()

    def command(self, source: Path, at_s: float, target: Path, width: int) -> list[str]:
        """`-q:v 2` comes nearest to the size of our JPEG. Videos are not enlarged, as ours."""
        return [
            *ffmpeg(self.threads),
            *(*self.seek, "-ss", f"{at_s:.3f}", "-i", str(source), "-an", "-frames:v", "1"),
            *(*self.after, "-vf", f"scale='min({width},iw)':-2"),
            *("-q:v", "2", "-update", "1", str(target)),
        ]


# Without `-fps_mode passthrough` ffmpeg drops the key frame, as it lies before the time asked for,
# and decodes on to a later one.
_KEPT = ("-fps_mode", "passthrough")
_TO_KEY_FRAME = ("-noaccurate_seek",)
_ONLY_KEY_FRAMES = (*_TO_KEY_FRAME, "-skip_frame", "nokey")
WAYS: dict[str, tuple[ThumbnailWay, ...]] = {
    "key frame": (
        ThumbnailWay("key frames only, 1 thread", _ONLY_KEY_FRAMES, 1, _KEPT),
        ThumbnailWay("key frames only, default threads", _ONLY_KEY_FRAMES, None, _KEPT),
        ThumbnailWay("all frames, 1 thread", _TO_KEY_FRAME, 1, _KEPT),
        ThumbnailWay("all frames, default threads", _TO_KEY_FRAME, None, _KEPT),
    ),
    "exact frame": (
        ThumbnailWay("1 thread", (), 1),
        ThumbnailWay("default threads", (), None),
    ),
}


def quickest(times: Mapping[ThumbnailWay, Sequence[float]]) -> ThumbnailWay:
    """The way of the least time in its best try."""
    return min(times, key=lambda way: min(times[way]))


def time_ways(
    ways: Iterable[ThumbnailWay], commands_of: Mapping[ThumbnailWay, list[list[str]]], at_once: int
) -> dict[ThumbnailWay, list[float]]:
    """Seconds of two tries of each way, in turns, `at_once` processes at a time."""
    times: dict[ThumbnailWay, list[float]] = {way: [] for way in ways}
    with ThreadPoolExecutor(at_once) as pool:
        for _ in range(2):
            for way, tries in times.items():
                began = time.perf_counter()
                list(pool.map(lambda command: run(command, check=True), commands_of[way]))
                tries.append(time.perf_counter() - began)
    return times
