"""Helpers of the media tests: run an operation, look at what came out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from reelyard.actors.media.operation import Limits, Progress, Result, Source, Work
from reelyard.actors.media.operations.transcode import TranscodeParams
from reelyard.actors.media.operations.transcode import transcode as run
from reelyard.actors.testing.sample_media import read_frame_number


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


def restamped(path: Path, target: Path, offset_s: float) -> Path:
    """A copy of the streams of `path` in `target`, all time stamps `offset_s` later."""
    options = {"output_ts_offset": f"{offset_s:g}"}
    with av.open(str(path)) as source, av.open(str(target), "w", options=options) as out:
        copies = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    return target


def joined(target: Path, *parts: Path) -> Path:
    """The bytes of `parts`, one after the other."""
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def held(path: Path, lengths: list[int], *, codec: str = "mpeg4", **options: str) -> Path:
    """A video of one gray image after the other, each shown for so many hundredths of a second."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=100, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 100)
        stream.codec_context.thread_count = 1
        at, packets = 0, []
        by_begin: dict[int | None, int] = {}
        for number, length in enumerate(lengths):
            shade = np.full((72, 64), 40 + 37 * number % 180, np.uint8)
            frame = av.VideoFrame.from_ndarray(shade, format="yuv420p")
            frame.pts, frame.time_base, frame.duration = at, Fraction(1, 100), length
            by_begin[at] = length
            at += length
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet in packets:
            packet.duration = by_begin[packet.pts]
            out.mux(packet)
    return path
