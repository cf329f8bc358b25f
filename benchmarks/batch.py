"""A batch of short transcodes, end to end, against a shell loop over ffmpeg on the same cores.

4 s clips to 360p H.264 (x264 veryfast) and AAC. Our side: `submit_many` on the embedded cluster
until every job has succeeded and its output is stored and checked. The other side:
`xargs -P<cores> ffmpeg -threads 1` with the same encoder options. The sides run in turns. A single
long job, alone on all cores, is the second case: it must not pay for the first.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg

from benchmarks._report import Report, Sample, Spread, arguments, paired, run_process, tree_cpu_s
from reelyard import Client, connect
from reelyard.actors.media.operations.transcode import TranscodeParams
from reelyard.actors.media.transcode.settings import encoder_options
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.settings import Settings

CORPUS = Path(__file__).parents[2] / "shared" / "media" / "video"
LENGTH_S = 4
PARAMS: dict[str, Any] = {
    "format": "mp4",
    "codec": "h264",
    "preset": "veryfast",
    "crf": 23,
    "height": 360,
    "audio_codec": "aac",
    "audio_bitrate": 128_000,
}


def real_clips(folder: Path, scratch: Path, count: int) -> list[Path]:
    """`count` clips of `LENGTH_S` seconds, copied out of videos at least 480 lines high, each of
    which ffmpeg transcodes; videos come again when there are fewer."""
    scratch.mkdir()
    clips: list[Path] = []
    for path in sorted(folder.iterdir()):
        try:
            with av.open(str(path)) as container:
                video = container.streams.video[0]
                length_s = (container.duration or 0) / av.time_base
                fits = length_s >= 1 and video.height >= 480
        # AttributeError: the video has no decoder.
        except (av.FFmpegError, IndexError, OSError, AttributeError):
            continue
        clip = scratch / f"{len(clips):03}.mkv"
        if fits and _made(path, clip, scratch / "trial.mp4"):
            clips.append(clip)
        if len(clips) == count:
            break
    return [_copy(clips[i % len(clips)], scratch / f"{i:03}.mkv") for i in range(count)]


def _made(path: Path, clip: Path, trial: Path) -> bool:
    cut = [_ffmpeg(), "-v", "error", "-nostdin", "-y", "-i", str(path), "-t", str(LENGTH_S)]
    cut += ["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", str(clip)]
    for command in (cut, [*_command(), "-i", str(clip), *_options(), str(trial)]):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return False
    return True


def _copy(source: Path, target: Path) -> Path:
    if source != target:
        shutil.copy(source, target)
    return target


def made_clips(scratch: Path, count: int) -> list[Path]:
    """Where no real clips are at hand: videos of several codecs and sizes."""
    scratch.mkdir()
    shapes = [("mp4", 1280, 720), ("mkv", 1920, 1080), ("webm", 854, 480), ("mp4", 960, 540)]
    made = [
        make_sample(
            scratch / f"shape-{i}.{suffix}", duration_s=LENGTH_S, width=width, height=height
        )
        for i, (suffix, width, height) in enumerate(shapes)
    ]
    return [
        _copy(made[i % len(made)], scratch / f"{i:03}{made[i % len(made)].suffix}")
        for i in range(count)
    ]


def _ffmpeg() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _command(threads: int = 1) -> list[str]:
    return [_ffmpeg(), "-v", "error", "-nostdin", "-y", "-threads", str(threads)]


def _options(threads: int = 1) -> list[str]:
    settings = TranscodeParams.model_validate(PARAMS).settings()
    assert settings.video is not None
    encoder = [
        part
        for name, value in encoder_options(settings.video, threads).items()
        for part in (f"-{name}", value)
    ]
    muxing = [
        part for name, value in settings.container.options.items() for part in (f"-{name}", value)
    ]
    return [
        *("-map", "0:v:0", "-map", "0:a:0?", "-vf", "scale=-2:360:flags=bicubic"),
        *("-pix_fmt", "yuv420p", "-c:v", "libx264", *encoder, "-threads", str(threads)),
        *("-c:a", "aac", "-b:a", "128000", *muxing),
    ]


class OurSide:
    """The embedded cluster with its own settings."""

    def __init__(self, folder: Path) -> None:
        self.client: Client = connect(settings=Settings(data_dir=folder))

    def run(self, clips: Sequence[Path]) -> Sample:
        """Transcode all; raises `RuntimeError` unless every one succeeded."""
        cpu, began = tree_cpu_s(os.getpid()), time.perf_counter()
        jobs = self.client.submit_many("transcode", list(clips), params=PARAMS)
        ended = self.client.wait_all(jobs)
        wall = time.perf_counter() - began
        if failed := [job for job in ended if not job.ok]:
            raise RuntimeError(
                f"{len(failed)} failed, as {failed[0].source_url}: {failed[0].error}"
            )
        return Sample(wall, tree_cpu_s(os.getpid()) - cpu)


class ShellLoop:
    """`xargs` over ffmpeg."""

    def __init__(self, folder: Path, cores: int) -> None:
        self._out = folder / "loop-out"
        self._out.mkdir()
        self._cores = cores

    def run(self, clips: Sequence[Path]) -> Sample:
        """Transcode all, one thread each, as many at a time as there are cores."""
        one = self._out / "one.sh"
        words = " ".join(shlex.quote(word) for word in [*_command(), "-i"])
        options = " ".join(shlex.quote(word) for word in _options())
        one.write_text(f'exec {words} "$1" {options} {self._out}/"$(basename "$1")".mp4\n')
        listing = self._out / "clips.txt"
        listing.write_text("".join(f"{clip}\n" for clip in clips))
        with listing.open() as given:
            return run_process(
                ["xargs", "-P", str(self._cores), "-I", "%", "sh", str(one), "%"], stdin=given
            )

    def run_one(self, clip: Path) -> Sample:
        """Transcode one on all cores."""
        command = [*_command(self._cores), "-i", str(clip), *_options(self._cores)]
        return run_process([*command, str(self._out / "long.mp4")])


def main() -> None:
    """Start both sides, run them in turns, report."""
    options = arguments(
        __doc__,
        jobs={"type": int, "default": 36, "help": "transcodes in a run"},
        rounds={"type": int, "help": "pairs of runs"},
        clips={"type": Path, "default": CORPUS, "help": "folder of videos"},
    )
    rounds = options.rounds or (2 if options.quick else 5)
    cores = len(os.sched_getaffinity(0))
    report = Report("batch", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-") as folder:
        root = Path(folder)
        kinds = {"made clips": made_clips(root / "made", options.jobs)}
        if options.clips.is_dir():
            kinds["real clips"] = real_clips(options.clips, root / "real", options.jobs)
        long = make_sample(root / "long.mp4", duration_s=20, width=1280, height=720)
        ours, loop = OurSide(root / "data"), ShellLoop(root, cores)
        try:
            pairs = {
                f"{options.jobs} {kind}": paired(
                    partial(ours.run, clips), partial(loop.run, clips), rounds
                )
                for kind, clips in kinds.items()
            }
            pairs["one clip of 20 s"] = paired(
                lambda: ours.run([long]), lambda: loop.run_one(long), rounds + 1
            )
        finally:
            ours.client.close()
    rows = []
    for name, pair in pairs.items():
        wall = pair.ratio(lambda run: run.wall_s)
        cpu = pair.ratio(lambda run: run.cpu_s)
        seconds = [Spread.of([run.wall_s for run in side]) for side in (pair.ours, pair.theirs)]
        rows.append((name, *(s.text(1) for s in seconds), wall.text(), cpu.text()))
        report.figure(name, {"wall": vars(wall), "cpu": vars(cpu)})
        if not name.startswith("one"):
            report.at_most(f"{name}: wall, ours / loop", wall.median, 1.00, "x")
            report.at_most(f"{name}: CPU, ours / loop", cpu.median, 1.05, "x")
    report.table(
        f"to 360p, {cores} cores", ("", "ours s", "ffmpeg s", "wall ratio", "CPU ratio"), rows
    )
    report.note(
        "the loop: xargs, ffmpeg with one thread a clip; the lone clip: ffmpeg on all cores"
    )
    report.finish()


if __name__ == "__main__":
    main()
