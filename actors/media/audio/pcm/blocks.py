"""PCM audio in NumPy blocks: its form, and the way to and from PyAV's frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

type Block = NDArray[np.float32]
"""Samples of all channels: shape (channels, samples), float32, full scale ±1."""

BLOCK_SAMPLES = 32_768
"""Samples of each channel that go through the passes at a time."""

_STANDARD_LAYOUTS = {
    1: "mono",
    2: "stereo",
    3: "2.1",
    4: "quad",
    5: "5.0",
    6: "5.1",
    7: "6.1",
    8: "7.1",
}


@dataclass(frozen=True)
class PcmFormat:
    """What all blocks of a stream have in common."""

    rate: int
    """Hz."""
    layout: str
    channels: int


def standard_layout(channels: int) -> str:
    """Name of the usual layout of 1 to 8 channels."""
    return _STANDARD_LAYOUTS[channels]


def sample_format(channels: int) -> str:
    """The float format in which frames of so many channels pass between PyAV and NumPy.

    PyAV 19 reaches the planes of at most seven channels; more go interleaved.
    """
    return "fltp" if channels < 8 else "flt"


def samples_of(frame: av.AudioFrame) -> Block:
    """The samples of a frame in `sample_format`: float32, shape (channels, n)."""
    values = np.asarray(frame.to_ndarray(), np.float32)
    if frame.format.is_planar:
        return values
    return np.ascontiguousarray(values.reshape(-1, frame.layout.nb_channels).T)


def frame_of(block: Block, rate: int, layout: str, pts: int) -> av.AudioFrame:
    """A frame of samples of shape (channels, n), at `rate` Hz, stamped in samples."""
    form = sample_format(len(block))
    values = block if form == "fltp" else block.T.reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(values, np.float32), format=form, layout=layout
    )
    frame.sample_rate = rate
    frame.pts = pts
    frame.time_base = Fraction(1, rate)
    return frame


def regroup(blocks: Iterable[Block], channels: int, size: int = BLOCK_SAMPLES) -> Iterator[Block]:
    """The same samples in blocks of `size`; the last one may be shorter."""
    waiting: list[Block] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += block.shape[1]
        if count < size:
            continue
        joined = np.concatenate(waiting, axis=1)
        whole = count - count % size
        for start in range(0, whole, size):
            yield np.ascontiguousarray(joined[:, start : start + size])
        waiting, count = [joined[:, whole:]], count - whole
    if count:
        yield np.ascontiguousarray(np.concatenate(waiting, axis=1).reshape(channels, -1))
