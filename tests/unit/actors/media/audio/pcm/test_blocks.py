"""PCM audio in blocks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.audio.pcm.blocks import regroup


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(1, 40))
def test_regrouping_keeps_every_sample_in_order(sizes: list[int], size: int) -> None:
    total = sum(sizes)
    samples = np.arange(2 * total, dtype=np.float32).reshape(2, total)
    pieces = np.split(samples, np.cumsum(sizes)[:-1], axis=1) if sizes else []
    blocks = list(regroup(pieces, 2, size))
    assert all(block.shape[1] == size for block in blocks[:-1])
    assert sum(block.shape[1] for block in blocks) == total
    if blocks:
        assert np.array_equal(np.concatenate(blocks, axis=1), samples)
