"""Thumbnails, end to end, against Celery + Redis with one ffmpeg process a job.

Both sides do the same work on the same clips: the key frame at or before a quarter of the video, or
the very frame there; made into a JPEG of the same size. Ours: `submit_many` on the embedded cluster
until every job has succeeded and its image is stored and checked, all of it durable. Celery: a
prefork worker with a process a core, a Redis-compatible server without persistence, and ffmpeg told
the time of the frame, so that it need not look for the length of the clip as we do; in that of its
ways that is the quickest in this run. The sides run in turns.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.harness.clips import OPTION, made_videos, real_videos, tell_missing
from benchmarks.harness.embedded import EmbeddedCluster
from benchmarks.harness.noise import cores
from benchmarks.harness.report import Report, arguments
from benchmarks.harness.runs import Runs, Sample, cpu, extra, in_turns
from benchmarks.rivals.celery_cluster import CeleryCluster
from benchmarks.rivals.celery_tasks import thumbnail
from benchmarks.rivals.ffmpeg import WAYS, ThumbnailWay, quickest, time_ways

WIDTH = 480
TRIED = 16
"""Clips on which the ways of ffmpeg are compared."""
SMALL_S = 1
"""A clip of which ffmpeg needs more seconds of CPU for a thumbnail is no small job."""
TARGETS = {
    ("made", "key frame"): (2.0, 0.5),
    ("made", "exact frame"): (1.3, 0.75),
    ("real", "key frame"): (1.5, 0.7),
    ("real", "exact frame"): (0.9, 1.05),
}
"""Least jobs a second and most CPU, ours to Celery's. An exact frame is mostly FFmpeg's decoding,
which both sides have alike."""
OURS, THEIRS = "Reelyard", "Celery + ffmpeg"


@dataclass(frozen=True)
class Clip:
    """A video, and the time of its thumbnail in seconds."""

    path: Path
    at_s: float


@dataclass(frozen=True)
class Pictures:
    """How the pictures of both sides compare."""

    clips: list[Clip]
    """Those of which both make one, of the same size."""
    left_out: int
    bytes_ratio: float
    """Of all our files to all of theirs."""


@dataclass(frozen=True)
class Bench:
    """Both sides, and where they write."""

    ours: EmbeddedCluster
    celery: CeleryCluster
    out: Path

    def targets(self, count: int) -> Iterator[Path]:
        """Where ffmpeg writes."""
        return (self.out / f"{number}.jpg" for number in range(count))

    def run_ours(self, clips: Sequence[Clip], frame: str) -> Sample:
        """Our side."""
        return self.ours.run("preview", [clip.path for clip in clips], params_of(frame))

    def run_celery(self, clips: Sequence[Clip], way: ThumbnailWay) -> Sample:
        """The other side."""
        return self.celery.run(thumbnail, [(command,) for command in self.commands(clips, way)])

    def commands(self, clips: Sequence[Clip], way: ThumbnailWay) -> list[list[str]]:
        """For ffmpeg."""
        targets = self.targets(len(clips))
        return [way.command(c.path, c.at_s, t, WIDTH) for c, t in zip(clips, targets, strict=True)]

    def compare(self, clips: Sequence[Clip], frame: str) -> Pictures:
        """Make each picture once on both sides; this also brings the clips into memory."""
        commands = self.commands(clips, WAYS[frame][0])
        with ThreadPoolExecutor(cores()) as pool:
            made = list(pool.map(_makes_soon, commands))
        paths = [clip.path for clip in clips]
        jobs = self.ours.jobs("preview", paths, params_of(frame))
        same: list[Clip] = []
        sizes = [0, 0]
        for clip, job, theirs, fine in zip(
            clips, jobs, self.targets(len(clips)), made, strict=True
        ):
            if job.ok and fine and job.path and _pixels(job.path) == _pixels(theirs):
                same.append(clip)
                sizes[0] += job.path.stat().st_size
                sizes[1] += theirs.stat().st_size
        return Pictures(same, len(clips) - len(same), sizes[0] / max(1, sizes[1]))

    def rival(self, clips: Sequence[Clip], frame: str) -> ThumbnailWay:
        """The quickest way of ffmpeg on some of these clips."""
        some = list(islice(cycle(clips[:: max(1, len(clips) // TRIED)]), TRIED))
        ways = WAYS[frame]
        return quickest(time_ways(ways, {w: self.commands(some, w) for w in ways}, cores()))


def params_of(frame: str) -> dict[str, Any]:
    """Of the operation `preview`."""
    return {"preview_type": "thumbnail", "width": WIDTH, "exact": frame == "exact frame"}


def _makes_soon(command: list[str]) -> bool:
    target = Path(command[-1])
    target.unlink(missing_ok=True)
    limited = [command[0], "-timelimit", str(SMALL_S), *command[1:]]
    done = subprocess.run(limited, capture_output=True, check=False)
    return done.returncode == 0 and target.exists() and target.stat().st_size > 0


def _pixels(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def main() -> None:
    """Start both sides, run them in turns, report."""
    options = arguments(
        __doc__,
        jobs={"type": int, "help": "thumbnails in a run"},
        rounds={"type": int, "help": "pairs of runs"},
        clips=OPTION,
    )
    count = options.jobs or (64 if options.quick else 300)
    rounds = options.rounds or (4 if options.quick else 9)
    report = Report("small_jobs", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-") as folder:
        root = Path(folder)
        kinds = {"made": [Clip(path, 1.5) for path in made_videos(root / "made", 6.0)]}
        kinds["real"] = [Clip(path, s / 4) for path, s, _ in real_videos(options.clips)]
        if not kinds["real"]:
            tell_missing(report, options.clips)
        (root / "out").mkdir()
        rows: list[list[str]] = []
        with EmbeddedCluster(root / "data") as ours, CeleryCluster(root, cores()) as celery:
            bench = Bench(ours, celery, root / "out")
            for (kind, frame), limits in TARGETS.items():
                if kinds[kind]:
                    runs = _measure(report, bench, kind, kinds[kind], frame, count, rounds)
                    name = f"{kind} clips, {frame}"
                    _tell(report, name, runs, *limits)
                    rows += _rows(name, runs, count)
    report.table(
        f"{count} thumbnails a run, {cores()} at a time, {rounds} pairs of runs",
        ("", "jobs/s", "CPU ms a job"),
        rows,
    )
    report.note("ours is durable (a commit to disk before each answer) and checks each image")
    report.finish()


def _measure(
    report: Report,
    bench: Bench,
    kind: str,
    clips: Sequence[Clip],
    frame: str,
    count: int,
    rounds: int,
) -> Runs:
    pictures = bench.compare(clips, frame)
    clips, found = pictures.clips, len(pictures.clips)
    way = bench.rival(clips, frame)
    row = list(islice(cycle(clips), count))
    report.note(
        f"{kind} clips, {frame}: {found} clips ({pictures.left_out} left out: no picture, another "
        f"size, or above {SMALL_S} s of CPU); ffmpeg with {way.name}; our files have "
        f"{pictures.bytes_ratio:.2f} times the bytes"
    )
    sides = {OURS: partial(bench.run_ours, row, frame), THEIRS: partial(bench.run_celery, row, way)}
    return in_turns(sides, rounds, report.meter)


def _tell(report: Report, name: str, runs: Runs, least: float, most_cpu: float) -> None:
    rate = runs.ratio(OURS, THEIRS, extra("rate"))
    used = runs.ratio(OURS, THEIRS, cpu)
    report.figure(name, {"jobs/s ratio": rate, "CPU ratio": used})
    report.at_least(f"{name}: jobs/s, ours / Celery", rate, least)
    report.at_most(f"{name}: CPU, ours / Celery", used, most_cpu)


def _rows(name: str, runs: Runs, count: int) -> list[list[str]]:
    return [
        [
            f"{name}: {side}",
            runs.spread(side, extra("rate")).text(1),
            runs.spread(side, lambda sample: 1000 * sample.cpu_s / count).text(1),
        ]
        for side in (OURS, THEIRS)
    ]


if __name__ == "__main__":
    main()
