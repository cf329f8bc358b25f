"""An operation of your own: play a short video backwards.

One file adds it to every surface (HTTP, command line, Python). Name the file in the settings:

    export REELYARD_OPERATIONS=examples/reverse_operation.py
    reelyard operations reverse
    reelyard run reverse clip.mp4 -o backwards.mp4 -p width=640
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from actors.media.codec import decode
from actors.media.codec.errors import media_errors
from actors.media.codec.source import open_input
from actors.media.codec.verify import Expect, verify_output
from actors.media.frames import Picture, fade, fade_level, to_frame
from actors.media.operation import MediaFile, Params, Result, Work, operation
from actors.media.sampling.video import Painter, open_film, scaled_size
from cluster.errors import LimitExceeded

MOST_S = 30
RATE_HZ = 48_000
BLOCK = 1024
"""Samples in one frame of AAC."""

Still = tuple[Picture, av.VideoFrame]
Sound = NDArray[np.float32]


class ReverseParams(Params):
    """Play a short video backwards."""

    audio: bool = Field(True, description="reverse the sound too")
    width: int = Field(1280, ge=16, le=3840, description="width in px; videos are not enlarged")
    fade: float = Field(0, ge=0, le=5, description="seconds of fading to black at the end")


@operation("reverse", params=ReverseParams, lane="cpu", kind="video")
def reverse(work: Work[ReverseParams]) -> Result:
    """Write `<stem>.mp4`. Raises `LimitExceeded` for videos of more than 30 s: all its pictures
    are kept in memory."""
    pictures, fps = read_pictures(work)
    sound = read_sound(work) if work.params.audio else None
    target = work.out_dir / f"{work.input.stem}.mp4"
    with media_errors(target.name, writing=True):
        write(target, pictures[::-1], fps, None if sound is None else sound[:, ::-1], work)
    expect = Expect(frames=len(pictures), has_audio=sound is not None)
    return Result([MediaFile(target, "video", verify_output(target, expect))])


def read_pictures(work: Work[ReverseParams]) -> tuple[list[Still], Fraction]:
    """All pictures, upright and small, and their rate."""
    with open_film(work.input, work.limits, work.threads) as film:
        if film.duration_s > MOST_S:
            raise LimitExceeded(
                f"{work.input.name!r} is {film.duration_s:.0f} s long; at most {MOST_S} s are taken"
            )
        size = scaled_size(film.width, film.height, work.params.width)
        painter = Painter(film, *size, work.threads)
        pictures = []
        for frame in decode.frames(film.container, film.stream):
            pictures.append(painter.paint(frame))
            work.progress("decode", fraction=0.5 * film.time_of(frame) / (film.duration_s or 1))
        return pictures, Fraction(film.fps).limit_denominator(1001)


def read_sound(work: Work[ReverseParams]) -> Sound | None:
    """The sound as samples (2, n) of float32 at 48 kHz; None if there is none."""
    blocks = []
    with open_input(work.input.path, work.limits, name=work.input.name) as container:
        if (stream := decode.best_audio(container)) is None:
            return None
        resampler = av.AudioResampler("fltp", "stereo", RATE_HZ)
        for frame in container.decode(stream):
            blocks += [part.to_ndarray() for part in resampler.resample(frame)]
            work.progress("decode")
        blocks += [part.to_ndarray() for part in resampler.resample(None)]
    return np.concatenate(blocks, axis=1) if blocks else None


def write(
    target: Path,
    pictures: Sequence[Still],
    fps: Fraction,
    sound: Sound | None,
    work: Work[ReverseParams],
) -> None:
    """Encode to H.264 and AAC."""
    length_s = float(len(pictures) / fps)
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as out:
        film = out.add_stream("libx264", rate=fps, options={"preset": "veryfast"})
        film.width, film.height = pictures[0][0].width, pictures[0][0].height
        film.pix_fmt = "yuv420p"
        film.codec_context.thread_count = work.threads
        track = out.add_stream("aac", rate=RATE_HZ, layout="stereo") if sound is not None else None
        for number, (picture, like) in enumerate(pictures):
            time_s = float(number / fps)
            visible = fade_level(time_s, length_s - work.params.fade, work.params.fade, "out")
            frame = to_frame(fade(picture, visible) if work.params.fade else picture, like)
            frame.pts, frame.time_base = number, 1 / fps
            out.mux(film.encode(frame))
            work.progress("encode", fraction=0.5 + 0.5 * number / len(pictures))
        out.mux(film.encode(None))
        if track is not None and sound is not None:
            for start in range(0, sound.shape[1], BLOCK):
                block = np.ascontiguousarray(sound[:, start : start + BLOCK])
                samples = av.AudioFrame.from_ndarray(block, "fltp", "stereo")
                samples.sample_rate, samples.pts = RATE_HZ, start
                samples.time_base = Fraction(1, RATE_HZ)
                out.mux(track.encode(samples))
            out.mux(track.encode(None))
