"""The chapters of an output."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest
from av.rational import AVRational

from reelyard.actors.media.audio.pcm.blocks import frame_of
from reelyard.actors.media.codec.chapters import set_chapters
from reelyard.actors.media.codec.decode import seconds
from tests.unit.actors.media.audio.audio_samples import tone

if TYPE_CHECKING:
    from av.container.core import Chapter

STARTS_MS = [0, 1000, 2500, 2999, 3_661_750]


def chapters() -> list[Chapter]:
    return [
        {
            "id": number,
            "start": start,
            "end": start + 400,
            "time_base": AVRational(1, 1000),
            "metadata": {"title": f"No. {number}"},
        }
        for number, start in enumerate(STARTS_MS)
    ]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.opus", "libopus"),
        ("a.ogg", "flac"),
        ("a.flac", "flac"),
        ("a.m4a", "aac"),
        ("a.mkv", "aac"),
        ("a.mp3", "libmp3lame"),
    ],
)
def test_chapters_keep_their_times_in_every_format(tmp_path: Path, name: str, codec: str) -> None:
    with av.open(str(tmp_path / name), "w") as out:
        stream = out.add_stream(codec, rate=48_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        set_chapters(out, chapters())
        out.mux(stream.encode(frame_of(tone(440, -6, 4), 48_000, "mono", 0)))
        out.mux(stream.encode(None))
    with av.open(str(tmp_path / name)) as container:
        found = [
            (seconds(chapter["start"], chapter["time_base"]), chapter["metadata"]["title"])
            for chapter in container.chapters()
        ]
    assert found == [
        (Fraction(start, 1000), f"No. {number}") for number, start in enumerate(STARTS_MS)
    ]


def test_an_output_without_chapters_gets_none(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.flac"), "w") as out:
        out.add_stream("flac", rate=48_000)
        set_chapters(out, [])
        assert not any(key.startswith("CHAPTER") for key in out.metadata)
