"""The frame of a video that stands for it where nobody has asked for a certain one.

That is the key frame at or before a quarter, which is found without decoding what comes before it.
Where it is flat (black, white, one colour) others are looked at, as long as they may show more: a
packet that was looked at, or that is as small as that of the flat frame, can't.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import av
import numpy as np

from reelyard.actors.media.sampling.video import OpenVideo

DEFAULT_SHARE = 0.25
_OTHER_SHARES = (0.5, 0.75, 0.1)
"""Where a better frame is looked for if that at `DEFAULT_SHARE` is flat."""
FLAT = 12.0
"""A frame whose luma deviates by less from its mean (of 255) shows nothing: black, white, fades."""
CLEAR = 30.0
"""One whose luma deviates by so much is taken, and none better is looked for."""
_MOST_PIXELS = 5 * 1920 * 1080
_MOST_FRAMES = 300
"""Where all key frames are flat, so much is decoded. As much as a few more key frames cost: a video
that is flat throughout must not pay for it dearly."""
_FEWEST_FRAMES = 10
"""In less than so many nothing comes into view that was not there."""
_EVERY = 4
"""Each so-manieth frame is looked at: a look costs little beside the decoding."""
_PIXELS_A_BYTE = 250
"""What is coded in fewer bytes than one for so many pixels shows as little as it takes. Black takes
one for 500 in H.264, for 10,000 in AV1; the plainest of title cards, one for 100."""
_MORE = 1.25
"""By which factor a packet must be larger than that of the flat frame to promise more."""


class BestFrame:
    """The choice of that frame among those of an open video."""

    def __init__(self, video: OpenVideo) -> None:
        self._video = video
        self._pixels = video.width * video.height
        self._seen: set[tuple[Any, ...]] = set()
        self._bytes = 0

    def first(self) -> av.VideoFrame | None:
        """The key frame at or before a quarter; None: none was found near."""
        return self._video.key_frame_at(self._video.duration_s * DEFAULT_SHARE, self._note)

    def best(self, first: av.VideoFrame) -> av.VideoFrame:
        """`first`, or if that is flat, the one of most contrast among a few."""
        best = first, contrast_of(first)
        if best[1] < FLAT:
            best = _better(best, self._elsewhere())
        if best[1] < FLAT:
            best = _better(best, self._following(self._video.time_of(first)))
        return best[0]

    def _elsewhere(self) -> Iterator[av.VideoFrame]:
        for share in _OTHER_SHARES:
            frame = self._video.key_frame_at(self._video.duration_s * share, self._promises_more)
            if frame is not None:
                yield frame

    def _following(self, at_s: float) -> Iterator[av.VideoFrame]:
        """Frames behind that at `at_s`; none where the looks at them are too dear, or where each of
        their packets holds too little for anything to have come into view."""
        video, most = self._video, min(_MOST_FRAMES, _MOST_PIXELS // self._pixels)
        if most >= _FEWEST_FRAMES and any(
            not self._is_little(packet.size) for packet in video.packets_behind(at_s, most)
        ):
            yield from islice(video.frames_from(at_s), _EVERY, most, _EVERY)

    def _note(self, packet: av.Packet[Any]) -> bool:
        self._seen.add((packet.pts, packet.dts, packet.pos))
        self._bytes = packet.size
        return True

    def _promises_more(self, packet: av.Packet[Any]) -> bool:
        known = packet.pts, packet.dts, packet.pos
        more = not self._is_little(packet.size) or packet.size > _MORE * self._bytes
        if known in self._seen or not more:
            return False
        self._seen.add(known)
        return True

    def _is_little(self, size: int) -> bool:
        return size * _PIXELS_A_BYTE < self._pixels


def _better(
    best: tuple[av.VideoFrame, float], others: Iterable[av.VideoFrame]
) -> tuple[av.VideoFrame, float]:
    """The frame with the most contrast, or the first one that has enough."""
    for frame in others:
        contrast = contrast_of(frame)
        if contrast > best[1]:
            best = frame, contrast
        if contrast >= CLEAR:
            break
    return best


def contrast_of(frame: av.VideoFrame) -> float:
    """How far luma deviates from its mean, of 255, by a sample of it: no frame is scaled that may
    not be shown."""
    kind = frame.format
    plane = frame.planes[0]
    plain = kind.is_planar or len(kind.components) == 1
    if not plain or kind.is_rgb or kind.has_palette or kind.components[0].bits != 8:
        frame = frame.reformat(64, 36, "gray")
        plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    step = max(1, plane.width // 64)
    luma = rows[::step, : plane.width : step].astype(np.float64).ravel()
    luma -= luma.mean()
    # Not `luma @ luma`: BLAS wakes threads for it.
    return math.sqrt(float(np.square(luma).mean()))
