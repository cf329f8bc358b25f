"""Transcode 1080p to 720p in a warm codec process, against the ffmpeg command with equal options.

Both sides get the same file, the same encoder options, the same number of threads. Our side is
what a worker does with a task, the check of the finished file included; the other side is one
`ffmpeg` process, as every job queue around ffmpeg starts it. The sides run in turns.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from benchmarks.harness.noise import NoiseMeter, cores
from benchmarks.harness.processes import cpu_s, run_process
from benchmarks.harness.report import Report, arguments
from benchmarks.harness.runs import Runs, Sample, cpu, in_turns, wall
from benchmarks.harness.statistics import Spread
from benchmarks.rivals.ffmpeg import ffmpeg
from benchmarks.rivals.ffmpeg import options as ffmpeg_options
from reelyard.actors.media.operation import Source
from reelyard.actors.media.operations.transcode import TranscodeParams
from reelyard.actors.media.transcode.settings import encoder_options
from reelyard.actors.testing.sample_media import make_sample
from reelyard.actors.worker.codec_process.client import CodecClient
from reelyard.actors.worker.codec_process.options import CodecOptions, configure_message
from reelyard.actors.worker.codec_process.order import Order
from reelyard.actors.worker.codec_process.os_process import ChildSpec
from reelyard.cluster.settings import Settings

WIDTH, HEIGHT = 1280, 720
OURS, THEIRS = "ours", "ffmpeg"
MOST_LOST_DB, MOST_BYTES = 0.1, 1.03
"""To ffmpeg's file."""


@dataclass(frozen=True)
class Case:
    """An encoder with its settings."""

    name: str
    format: str
    codec: str
    preset: str
    crf: int
    audio_codec: str
    audio_bitrate: int
    most_wall: float = 1.10
    most_cpu: float = 1.10
    """Ours to ffmpeg's."""

    @property
    def params(self) -> dict[str, Any]:
        """For the operation."""
        return {
            "format": self.format,
            "codec": self.codec,
            "preset": self.preset,
            "crf": self.crf,
            "width": WIDTH,
            "height": HEIGHT,
            "audio_codec": self.audio_codec,
            "audio_bitrate": self.audio_bitrate,
        }

    def command(self, source: Path, target: Path, threads: int) -> list[str]:
        """For ffmpeg: the very options that the operation gives to its encoder and its muxer."""
        settings = TranscodeParams.model_validate(self.params).settings()
        video = settings.video
        assert video is not None
        encoder = {"h264": "libx264", "vp9": "libvpx-vp9", "av1": "libsvtav1"}[self.codec]
        audio_encoder = {"aac": "aac", "opus": "libopus"}[self.audio_codec]
        told = encoder_options(video, threads)
        # `-b` alone would be for the audio too.
        encoding = {("b:v" if name == "b" else name): value for name, value in told.items()}
        return [
            *(*ffmpeg(threads), "-i", str(source)),
            *("-vf", f"scale={WIDTH}:{HEIGHT}:flags=bicubic", "-pix_fmt", "yuv420p"),
            *("-c:v", encoder, *ffmpeg_options(encoding), "-threads", str(threads)),
            *("-c:a", audio_encoder, "-b:a", str(self.audio_bitrate)),
            *(*ffmpeg_options(settings.container.options), str(target)),
        ]


CASES = (
    Case("x264 veryfast", "mp4", "h264", "veryfast", 23, "aac", 128_000),
    Case("x264 medium", "mp4", "h264", "medium", 23, "aac", 128_000),
    Case("VP9 realtime 7", "webm", "vp9", "realtime-7", 33, "opus", 96_000),
    # The two sides hold different builds of SVT-AV1.
    Case("SVT-AV1 preset 8", "webm", "av1", "8", 35, "opus", 96_000, most_wall=1.20),
)


class WarmCodec:
    """A codec process as a worker keeps it, driven from synchronous code."""

    def __init__(self, folder: Path, threads: int) -> None:
        settings = Settings(data_dir=folder)
        self._loop = asyncio.new_event_loop()
        spec = ChildSpec(configure_message(settings), folder, threads)
        self._codec = CodecClient(spec, CodecOptions.of(settings, threads))
        self._folder, self._threads = folder, threads
        self._runs = 0

    def transcode(self, source: Path, case: Case) -> tuple[Sample, Path]:
        """Run one task; CPU time is that of the codec process and of what waits for it here."""
        self._runs += 1
        out = self._folder / f"ours-{self._runs}"
        out.mkdir()
        # Of this process and all its children; ffmpeg's own time never falls in between.
        used, began = cpu_s(), time.perf_counter()
        result = self._loop.run_until_complete(self._run(source, case, out))
        took = time.perf_counter() - began
        return Sample(took, cpu_s() - used), result

    async def _run(self, source: Path, case: Case, out: Path) -> Path:
        order = Order("transcode", case.params, [Source(source, source.name)], str(out))
        order.threads = self._threads
        result = await self._codec.run(order)
        return result.files[0].path

    def close(self) -> None:
        """End the process."""
        self._loop.run_until_complete(self._codec.close())
        if left := asyncio.all_tasks(self._loop):
            self._loop.run_until_complete(asyncio.wait(left, timeout=5))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


def psnr(target: Path, source: Path, fps: int) -> float:
    """Mean PSNR in dB against the source, scaled as both sides scale it."""
    graph = (
        f"[1:v]scale={WIDTH}:{HEIGHT}:flags=bicubic,format=yuv420p,settb=1/{fps},setpts=N[r];"
        f"[0:v]format=yuv420p,settb=1/{fps},setpts=N[d];[d][r]psnr"
    )
    command = [ffmpeg(None)[0], "-nostdin", "-i", str(target), "-i", str(source)]
    command += ["-lavfi", graph, "-f", "null", "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = re.search(r"average:([\d.]+|inf)", text)
    assert found is not None, text[-1000:]
    return float(found[1])


def frames(path: Path) -> int:
    """Frames that can be decoded."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        return sum(1 for _ in container.decode(video=0))


@dataclass(frozen=True)
class Row:
    """What one case gave; pairs are (ours, theirs)."""

    case: Case
    runs: Runs
    frames: tuple[int, int]
    psnr: tuple[float, float]
    size: tuple[int, int]


def measure(
    case: Case, source: Path, codec: WarmCodec, threads: int, rounds: int, meter: NoiseMeter
) -> Row:
    """All of one case."""
    theirs_path = source.with_name(f"theirs.{case.format}")
    ours_path = Path()

    def ours() -> Sample:
        nonlocal ours_path
        sample, ours_path = codec.transcode(source, case)
        return sample

    def theirs() -> Sample:
        return run_process(case.command(source, theirs_path, threads))

    runs = in_turns({OURS: ours, THEIRS: theirs}, rounds, meter)
    return Row(
        case=case,
        runs=runs,
        frames=(frames(ours_path), frames(theirs_path)),
        psnr=(psnr(ours_path, source, 30), psnr(theirs_path, source, 30)),
        size=(ours_path.stat().st_size, theirs_path.stat().st_size),
    )


def show(report: Report, rows: list[Row]) -> None:
    """Tables, figures and targets."""
    lines = []
    for row in rows:
        name, case = row.case.name, row.case
        ratios = [row.runs.ratio(OURS, THEIRS, figure) for figure in (wall, cpu)]
        seconds = [row.runs.spread(side, wall) for side in (OURS, THEIRS)]
        quality = row.psnr[0] - row.psnr[1]
        lines.append(
            (
                name,
                *(spread.text() for spread in (*seconds, *ratios)),
                f"{row.psnr[0]:.2f} ({quality:+.3f})",
                f"{row.size[0] / row.size[1]:.3f}",
            )
        )
        figures = dict(zip(("wall ratio", "CPU ratio"), ratios, strict=True))
        quality_figures = {"psnr_db": row.psnr, "frames": row.frames, "bytes": row.size}
        report.figure(name, {**figures, "wall s": seconds, **quality_figures})
        report.at_most(f"{name}: wall, ours / ffmpeg", ratios[0], case.most_wall)
        report.at_most(f"{name}: CPU, ours / ffmpeg", ratios[1], case.most_cpu)
        bigger, missing = row.size[0] / row.size[1], abs(row.frames[0] - row.frames[1])
        _exact(report, f"{name}: PSNR lost", -quality, MOST_LOST_DB, "dB")
        _exact(report, f"{name}: size of the file", bigger, MOST_BYTES, "x")
        _exact(report, f"{name}: missing frames", missing, 0, "")
    columns = ("encoder", "ours s", "ffmpeg s", "wall ratio", "CPU ratio", "PSNR dB", "size ratio")
    report.table("Ours / ffmpeg, median (min - max) of the pairs", columns, lines)


def _exact(report: Report, name: str, value: float, most: float, unit: str) -> None:
    report.at_most(name, Spread.of([value]), most, timed=False, unit=unit)


def main() -> None:
    """Make the clip, run every case, report."""
    options = arguments(
        __doc__,
        seconds={"type": float, "help": "length of the clip"},
        rounds={"type": int, "help": "pairs of runs"},
        only={"default": "", "help": "only cases whose name contains this"},
    )
    seconds = options.seconds or (5.0 if options.quick else 10.0)
    rounds = options.rounds or (4 if options.quick else 9)
    threads = cores()
    report = Report("transcode", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-") as folder:
        root = Path(folder)
        source = make_sample(
            root / "source.mp4", duration_s=seconds, width=1920, height=1080, fps=30, gop=60
        )
        codec = WarmCodec(root, threads)
        try:
            rows = [
                measure(case, source, codec, threads, rounds, report.meter)
                for case in CASES
                if options.only in case.name
            ]
        finally:
            codec.close()
    show(report, rows)
    report.note(f"{seconds:g} s of 1080p30 H.264 + AAC, {threads} threads, {rounds} pairs of runs")
    report.note("our wall and CPU include the check of the finished file")
    report.note("the two sides hold different builds of SVT-AV1")
    report.finish()


if __name__ == "__main__":
    main()
