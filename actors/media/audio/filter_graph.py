"""Audio filter graphs on NumPy blocks: filters by name in, blocks in, blocks out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import av
import numpy as np
from av.filter import Graph

from reelyard.actors.media.audio.pcm.blocks import Block, frame_of, sample_format, samples_of


class AudioFilter(NamedTuple):
    """An FFmpeg filter by name, with its arguments as text (`f=80:t=q`)."""

    name: str
    args: str = ""

    def __str__(self) -> str:
        return f"{self.name}={self.args}" if self.args else self.name


class FilterRun:
    """A chain of filters over a stream of blocks, of one rate and layout throughout.

    Samples are float32 planar. Frames are stamped by sample count. The output has exactly as many
    samples as the input: `delay` samples are cut from the start, and the filters get as many more
    zeros at the end.
    """

    def __init__(
        self,
        filters: Sequence[AudioFilter],
        *,
        rate: int,
        layout: str,
        delay: int = 0,
        meter: bool = False,
    ) -> None:
        """`rate` in Hz; `layout` a name that FFmpeg knows; `delay` of the chain in samples.

        `meter`: only the metadata are wanted; no blocks come out.
        """
        self.rate = rate
        self.layout = layout
        self.metadata: dict[str, str] = {}
        """Of the last frame that carried any."""
        self._meter = meter
        self._delay = self._to_cut = delay
        self._channels = av.AudioLayout(layout).nb_channels
        self._fed = self._given = 0
        self._graph = _build(filters, rate, layout, sample_format(self._channels))

    def feed(self, block: Block) -> Iterator[Block]:
        """Push samples of shape (channels, n) and yield what comes out so far."""
        if block.shape[1] == 0:
            return
        frame = frame_of(block, self.rate, self.layout, self._fed)
        self._fed += block.shape[1]
        self._graph.push(frame)
        yield from self._pull()

    def finish(self) -> Iterator[Block]:
        """Yield the rest."""
        wanted = self._fed
        if wanted == 0:
            return
        if self._delay:
            yield from self.feed(np.zeros((self._channels, self._delay), np.float32))
        self._graph.push(None)
        yield from self._pull()
        if self._meter:
            return
        if (missing := wanted - self._given) > 0:
            self._given += missing
            yield np.zeros((self._channels, missing), np.float32)

    def _pull(self) -> Iterator[Block]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(frame, av.AudioFrame)
            if found := dict(frame.metadata.items()):
                self.metadata = found
            if self._meter:
                continue
            block = samples_of(frame)
            cut = min(self._to_cut, block.shape[1])
            self._to_cut -= cut
            self._given += block.shape[1] - cut
            if cut < block.shape[1]:
                yield block[:, cut:]


def _build(filters: Sequence[AudioFilter], rate: int, layout: str, form: str) -> Graph:
    graph = Graph()
    steps = [
        AudioFilter(
            "abuffer",
            f"sample_rate={rate}:sample_fmt={form}:channel_layout={layout}:time_base=1/{rate}",
        ),
        *filters,
        AudioFilter("aformat", f"sample_fmts={form}:sample_rates={rate}:channel_layouts={layout}"),
        AudioFilter("abuffersink"),
    ]
    contexts = [graph.add(step.name, step.args or None) for step in steps]
    for left, right in pairwise(contexts):
        left.link_to(right)
    graph.configure()
    return graph
