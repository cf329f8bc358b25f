"""A batch of short transcodes, end to end, against a shell loop over ffmpeg on the same cores.

4 s clips to 360p H.264 (x264 veryfast) and AAC. Our side: `submit_many` on the embedded cluster
until every job has succeeded and its output is stored and checked. The other side:
`xargs -P<cores> ffmpeg -threads 1` with the same encoder options. The sides run in turns. A single
long job, alone on all cores, is the last case: it must not pay for the first.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.harness.clips import OPTION, made_videos, real_videos, tell_missing
from benchmarks.harness.embedded import EmbeddedCluster
from benchmarks.harness.noise import cores
from benchmarks.harness.processes import run_process
from benchmarks.harness.report import Report, arguments
from benchmarks.harness.runs import Runs, Sample, cpu, in_turns, wall
from benchmarks.rivals.ffmpeg import ffmpeg
from benchmarks.rivals.ffmpeg import options as ffmpeg_options
from reelyard.actors.media.operations.transcode import TranscodeParams
from reelyard.actors.media.transcode.settings import encoder_options
from reelyard.actors.testing.sample_media import make_sample

LENGTH_S = 4
LEAST_LINES = 480
"""Height of a real video of which clips are taken."""
MOST_WALL, MOST_CPU = 1.00, 1.05
MOST_WALL_ALONE = 1.10
OURS, LOOP = "ours", "ffmpeg"
PARAMS: dict[str, Any] = {
    "format": "mp4",
    "codec": "h264",
    "preset": "veryfast",
    "crf": 23,
    "height": 360,
    "audio_codec": "aac",
    "audio_bitrate": 128_000,
}


def real_clips(folder: Path, scratch: Path) -> Iterator[Path]:
    """Clips of `LENGTH_S` seconds, copied out of real videos, each of which ffmpeg transcodes."""
    scratch.mkdir()
    for number, (path, length_s, height) in enumerate(real_videos(folder)):
        clip = scratch / f"{number:03}.mkv"
        if length_s < 1 or height < LEAST_LINES:
            continue
        cut = [*ffmpeg(None), "-i", str(path), "-t", str(LENGTH_S)]
        cut += ["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", str(clip)]
        trial = [*ffmpeg(None), "-i", str(clip), *_options(), str(scratch / "trial.mp4")]
        if not any(
            subprocess.run(command, capture_output=True, check=False).returncode
            for command in (cut, trial)
        ):
            yield clip


def _options(threads: int = 1) -> list[str]:
    settings = TranscodeParams.model_validate(PARAMS).settings()
    assert settings.video is not None
    return [
        *("-map", "0:v:0", "-map", "0:a:0?", "-vf", "scale=-2:360:flags=bicubic"),
        *("-pix_fmt", "yuv420p", "-c:v", "libx264"),
        *ffmpeg_options(encoder_options(settings.video, threads)),
        *("-threads", str(threads), "-c:a", "aac", "-b:a", "128000"),
        *ffmpeg_options(settings.container.options),
    ]


class ShellLoop:
    """`xargs` over ffmpeg."""

    def __init__(self, folder: Path) -> None:
        self._out = folder / "loop-out"
        self._out.mkdir()

    def run(self, clips: Sequence[Path]) -> Sample:
        """Transcode all, one thread each, as many at a time as there are cores."""
        one = self._out / "one.sh"
        words = " ".join(shlex.quote(word) for word in [*ffmpeg(1), "-i"])
        options = " ".join(shlex.quote(word) for word in _options())
        # A clip may come twice, at the same moment: each run writes a file of its own.
        one.write_text(f'exec {words} "$1" {options} {self._out}/$$.mp4\n')
        listing = self._out / "clips.txt"
        listing.write_text("".join(f"{clip}\n" for clip in clips))
        with listing.open() as given:
            sample = run_process(
                ["xargs", "-P", str(cores()), "-I", "%", "sh", str(one), "%"], stdin=given
            )
        for made in self._out.glob("*.mp4"):
            made.unlink()
        return sample

    def run_one(self, clip: Path) -> Sample:
        """Transcode one on all cores."""
        command = [*ffmpeg(cores()), "-i", str(clip), *_options(cores())]
        return run_process([*command, str(self._out / "long.mp4")])


def main() -> None:
    """Start both sides, run them in turns, report."""
    options = arguments(
        __doc__,
        jobs={"type": int, "help": "transcodes in a run"},
        rounds={"type": int, "help": "pairs of runs"},
        clips=OPTION,
    )
    count = options.jobs or (12 if options.quick else 36)
    rounds = options.rounds or (4 if options.quick else 7)
    report = Report("batch", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-") as folder:
        root = Path(folder)
        kinds = {"made clips": made_videos(root / "made", LENGTH_S)}
        kinds["real clips"] = list(islice(real_clips(options.clips, root / "real"), count))
        if not kinds["real clips"]:
            tell_missing(report, options.clips)
        long = make_sample(root / "long.mp4", duration_s=20, width=1280, height=720)
        loop = ShellLoop(root)
        with EmbeddedCluster(root / "data") as ours:
            transcode = partial(ours.run, "transcode", params=PARAMS)
            for kind, clips in kinds.items():
                if clips:
                    row = list(islice(cycle(clips), count))
                    sides = {OURS: partial(transcode, row), LOOP: partial(loop.run, row)}
                    runs = in_turns(sides, rounds, report.meter)
                    _tell(report, f"{count} {kind}", runs, MOST_WALL)
            sides = {OURS: partial(transcode, [long]), LOOP: partial(loop.run_one, long)}
            runs = in_turns(sides, rounds + 1, report.meter)
            _tell(report, "one clip of 20 s", runs, MOST_WALL_ALONE)
    report.note(
        "the loop: xargs, ffmpeg with one thread a clip; the lone clip: ffmpeg on all cores"
    )
    report.finish()


def _tell(report: Report, name: str, runs: Runs, most_wall: float) -> None:
    ratios = {"wall": runs.ratio(OURS, LOOP, wall), "CPU": runs.ratio(OURS, LOOP, cpu)}
    seconds = [runs.spread(side, wall) for side in (OURS, LOOP)]
    report.table(
        f"{name} to 360p, {cores()} cores",
        ("ours s", "ffmpeg s", "wall ratio", "CPU ratio"),
        [[spread.text() for spread in (*seconds, *ratios.values())]],
    )
    report.figure(name, {**ratios, "wall s": seconds})
    report.at_most(f"{name}: wall, ours / loop", ratios["wall"], most_wall)
    report.at_most(f"{name}: CPU, ours / loop", ratios["CPU"], MOST_CPU)


if __name__ == "__main__":
    main()
