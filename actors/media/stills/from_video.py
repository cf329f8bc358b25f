"""A still image from a video: the frame on show at a time, or one that was made of frames."""

from __future__ import annotations

import av
import numpy as np
from PIL import Image

from reelyard.actors.media.codec.frame_conversion import Normalizer
from reelyard.actors.media.operation import Limits, Source
from reelyard.actors.media.sampling.scaler import UprightScaler
from reelyard.actors.media.sampling.video import open_video
from reelyard.actors.media.stills.profiles import profile_by_numbers
from reelyard.actors.media.stills.reader import Still


def still_at(source: Source, time_s: float, limits: Limits, threads: int = 1) -> Still:
    """The frame on show at `time_s`, upright and SDR, in full size (square pixels), RGB.

    Raises `MediaError` for a time behind the end.
    """
    with open_video(source, limits, threads) as video:
        video.refuse_behind_end("start", time_s)
        frame = next(video.shown_at([time_s]))
        size = video.shown_size(frame.width, frame.height)
        return still_of(UprightScaler(video, *size, threads).upright(frame))


def still_of(frame: av.VideoFrame) -> Still:
    """The frame, which carries its colour space, range and primaries, as RGB."""
    rgb = Normalizer(frame.width, frame.height, "rgb24").convert(frame)
    plane = rgb.planes[0]
    samples = np.frombuffer(plane, np.uint8)
    image = Image.frombytes(
        "RGB", (rgb.width, rgb.height), samples, "raw", "RGB", plane.line_size, 1
    )
    return Still(image, profile_by_numbers(int(frame.color_primaries), int(frame.color_trc)))
