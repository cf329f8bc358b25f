"""The span of a stream."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from reelyard.actors.media.codec.timing.stream_span import StreamSpan
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.videos import held


def span_of(path: Path, kind: str = "video", count: int | None = None) -> StreamSpan:
    """Of all packets, or of the first `count`."""
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        span = StreamSpan(stream)
        for number, packet in enumerate(container.demux(stream)):
            if number == count:
                break
            span.add(packet)
        return span


B_PICTURES = {"codec": "libx264", "preset": "medium", "bf": "3", "b_strategy": "0"}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_an_image_that_is_held_in_the_middle_counts_once(tmp_path: Path, suffix: str) -> None:
    lengths = [10] * 14 + [6000] + [10] * 15
    span = span_of(held(tmp_path / f"a{suffix}", lengths, **B_PICTURES))
    assert span.packets == 30
    assert float(span.seconds) == pytest.approx(62.9, abs=0.02)


def test_the_last_image_lasts_as_long_as_its_packet_says(tmp_path: Path) -> None:
    for suffix in (".mp4", ".mkv"):
        span = span_of(held(tmp_path / f"a{suffix}", [50, 100, 25, 300]))
        assert (span.last_s, span.end_s) == (Fraction(7, 4), Fraction(19, 4))


def test_of_a_file_that_is_not_whole_only_what_is_there_counts(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mp4", duration_s=2)
    assert span_of(path).seconds == 2
    assert span_of(path, count=20).seconds <= 1


def test_sound_ends_with_its_last_packet(tmp_path: Path) -> None:
    span = span_of(make_sample(tmp_path / "a.wav", duration_s=1.5), "audio")
    assert (span.begin_s, span.end_s) == (Fraction(0), Fraction(3, 2))
    assert span.seconds == Fraction(3, 2)


def test_a_stream_without_packets_has_no_span(tmp_path: Path) -> None:
    span = span_of(make_sample(tmp_path / "a.mp4"), count=0)
    assert (span.begin_s, span.last_s, span.end_s) == (None, None, None)
    assert span.seconds == 0
