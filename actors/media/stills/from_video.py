"""A still image from a video: the frame on show at a time, or one that was made of frames."""

from __future__ import annotations

import av
from PIL import Image

from reelyard.actors.media.codec.frame_conversion import Normalizer
from reelyard.actors.media.frames import Frame, to_av_frame
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
        return still_of(*UprightScaler(video, *size, threads).scale(frame))


def still_of(frame: Frame, like: av.VideoFrame) -> Still:
    """The frame (yuv420p) as RGB; `like` carries its colour space, range and primaries."""
    rgb = Normalizer(frame.width, frame.height, "rgb24").convert(to_av_frame(frame, like))
    plane = rgb.planes[0]
    image = Image.frombytes(
        "RGB", (rgb.width, rgb.height), bytes(plane), "raw", "RGB", plane.line_size, 1
    )
    return Still(image, profile_by_numbers(int(like.color_primaries), int(like.color_trc)))
