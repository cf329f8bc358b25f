"""PCM audio kept in a file between two passes, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np

from reelyard.actors.media.audio.pcm.blocks import BLOCK_SAMPLES, Block, PcmFormat
from reelyard.actors.media.codec.errors import media_errors


class PcmSpool:
    """A file of float32 samples between two passes; deleted at the end of the `with` block.

    Errors of writing become `StorageFull` or `OutputUnwritable` that name `name`.
    """

    def __init__(self, path: Path, pcm: PcmFormat, name: str) -> None:
        self.path = path
        self.name = name
        self.pcm = pcm
        self.samples = 0
        """Written so far, for each channel."""
        with media_errors(name, writing=True):
            self._file = path.open("w+b")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # What is still in the buffer of a full disk is not wanted any more.
        with suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)

    def write(self, block: Block) -> None:
        """Append samples of shape (channels, n)."""
        with media_errors(self.name, writing=True):
            self._file.write(np.ascontiguousarray(block.T, np.float32).tobytes())
        self.samples += block.shape[1]

    def drop(self) -> None:
        """Give the disk space back: the samples are not needed any more."""
        self._file.truncate(0)

    def blocks(self) -> Iterator[Block]:
        """Everything written so far, in blocks of shape (channels, n)."""
        with media_errors(self.name, writing=True):
            self._file.flush()
        channels = self.pcm.channels
        with self.path.open("rb") as file:
            while len(data := file.read(BLOCK_SAMPLES * channels * 4)):
                samples = np.frombuffer(data, np.float32).reshape(-1, channels)
                yield np.ascontiguousarray(samples.T)
