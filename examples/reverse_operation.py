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

from reelyard import MediaFile, Params, Result, Work, operation
from reelyard.errors import LimitExceeded
from reelyard.frames import Frame, fade, fade_level, to_av_frame
from reelyard.media import (
    Expect,
    UprightScaler,
    best_audio,
    media_errors,
    open_input,
    open_video,
    scaled_size,
    verify_output,
)

MOST_S = 30
RATE_HZ = 48_000
BLOCK = 1024
"""Samples in one frame of AAC."""

ScaledFrame = tuple[Frame, av.VideoFrame]
Audio = NDArray[np.float32]


class ReverseParams(Params):
    """Play a short video backwards."""

    audio: bool = Field(True, description="reverse the audio too")
    width: int = Field(1280, ge=16, le=3840, description="width in px; videos are not enlarged")
    fade: float = Field(0, ge=0, le=5, description="seconds of fading to black at the end")


@operation("reverse", params=ReverseParams, lane="cpu", kind="video")
def reverse(work: Work[ReverseParams]) -> Result:
    """Write `<stem>.mp4`. Raises `LimitExceeded` for videos of more than 30 s: all its frames
    are kept in memory."""
    frames, fps = read_frames(work)
    audio = read_audio(work) if work.params.audio else None
    target = work.out_dir / f"{work.input.stem}.mp4"
    with media_errors(target.name, writing=True):
        write(target, frames[::-1], fps, None if audio is None else audio[:, ::-1], work)
    expect = Expect(frames=len(frames), has_audio=audio is not None)
    return Result([MediaFile(target, "video", verify_output(target, expect))])


def read_frames(work: Work[ReverseParams]) -> tuple[list[ScaledFrame], Fraction]:
    """All frames, upright and small, and their rate."""
    with open_video(work.input, work.limits, work.threads) as video:
        if video.duration_s > MOST_S:
            raise LimitExceeded(
                f"{work.input.name!r} is {video.duration_s:.0f} s long; "
                f"at most {MOST_S} s are taken"
            )
        size = scaled_size(video.width, video.height, work.params.width)
        scaler = UprightScaler(video, *size, work.threads)
        frames = []
        for frame in video.frames():
            frames.append(scaler.scale(frame))
            work.progress("decode", fraction=0.5 * video.time_of(frame) / (video.duration_s or 1))
        return frames, Fraction(video.fps).limit_denominator(1001)


def read_audio(work: Work[ReverseParams]) -> Audio | None:
    """The audio as samples (2, n) of float32 at 48 kHz; None if there is none."""
    blocks = []
    with open_input(work.input, work.limits) as container:
        if (stream := best_audio(container)) is None:
            return None
        resampler = av.AudioResampler("fltp", "stereo", RATE_HZ)
        for frame in container.decode(stream):
            blocks += [part.to_ndarray() for part in resampler.resample(frame)]
            work.progress("decode")
        blocks += [part.to_ndarray() for part in resampler.resample(None)]
    return np.concatenate(blocks, axis=1) if blocks else None


def write(
    target: Path,
    frames: Sequence[ScaledFrame],
    fps: Fraction,
    audio: Audio | None,
    work: Work[ReverseParams],
) -> None:
    """Encode to H.264 and AAC."""
    length_s = float(len(frames) / fps)
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as out:
        video = out.add_stream("libx264", rate=fps, options={"preset": "veryfast"})
        video.width, video.height = frames[0][0].width, frames[0][0].height
        video.pix_fmt = "yuv420p"
        video.codec_context.thread_count = work.threads
        track = out.add_stream("aac", rate=RATE_HZ, layout="stereo") if audio is not None else None
        for number, (frame, like) in enumerate(frames):
            time_s = float(number / fps)
            visible = fade_level(time_s, length_s - work.params.fade, work.params.fade, "out")
            av_frame = to_av_frame(fade(frame, visible) if work.params.fade else frame, like)
            av_frame.pts, av_frame.time_base = number, 1 / fps
            out.mux(video.encode(av_frame))
            work.progress("encode", fraction=0.5 + 0.5 * number / len(frames))
        out.mux(video.encode(None))
        if track is not None and audio is not None:
            for start in range(0, audio.shape[1], BLOCK):
                block = np.ascontiguousarray(audio[:, start : start + BLOCK])
                samples = av.AudioFrame.from_ndarray(block, "fltp", "stereo")
                samples.sample_rate, samples.pts = RATE_HZ, start
                samples.time_base = Fraction(1, RATE_HZ)
                out.mux(track.encode(samples))
            out.mux(track.encode(None))
