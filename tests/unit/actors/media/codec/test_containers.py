"""Containers, codecs and their qualities."""

from __future__ import annotations

from typing import get_args

import pytest

from reelyard.actors.media.codec import containers


@pytest.mark.parametrize("codec", get_args(containers.VideoCodec))
def test_better_quality_means_a_lower_rate_factor_within_the_range(codec: str) -> None:
    factors = [containers.crf_for(codec, quality) for quality in get_args(containers.Quality)]
    low, high = containers.CRF_RANGE[codec]
    assert factors == sorted(factors, reverse=True)
    assert low <= min(factors) < max(factors) <= high
