"""Companions: what of a source is copied beside the enhanced audio."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from av.stream import Disposition

from reelyard.actors.media.audio.companions import (
    copied_streams,
    copied_tags,
    dropped_streams,
    track_tags,
)
from reelyard.actors.media.audio.output_formats import FormatName, SourceFormat, choose_target
from reelyard.actors.media.codec.decode import best_video, require_audio
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.enhancements import run_enhance

SOURCE = SourceFormat("mov", ".mp4", "aac", deep=False, has_video=True)


@pytest.mark.parametrize(
    ("wanted", "copied", "dropped"),
    [("same", ["video"], []), ("mkv", ["video"], []), ("wav", [], ["video"])],
)
def test_a_video_goes_along_where_the_format_is_for_videos(
    tmp_path: Path, wanted: FormatName, copied: list[str], dropped: list[str]
) -> None:
    path = make_sample(tmp_path / "a.mp4", duration_s=0.2, width=64, height=48)
    target = choose_target(wanted, SOURCE)
    with av.open(str(path)) as container:
        kept = copied_streams(container, best_video(container), target)
        audio = require_audio(container, path.name)
        assert [stream.type for stream in kept] == copied
        assert dropped_streams(container, audio, kept) == dropped


def test_a_cover_goes_along_beside_audio_alone(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mp3", duration_s=0.2, attached_picture=True)
    source = SourceFormat("mp3", ".mp3", "mp3", deep=False, has_video=False)
    with av.open(str(path)) as container:
        assert len(copied_streams(container, None, choose_target("flac", source))) == 1
        assert copied_streams(container, None, choose_target("wav", source)) == ()


@pytest.mark.parametrize("wanted", ["mp4", "mkv"])
def test_language_title_and_cover_stay_with_an_enhanced_film(tmp_path: Path, wanted: str) -> None:
    plain = make_sample(tmp_path / "a.mp4", duration_s=1, attached_picture=True)
    video = tmp_path / "titled.mp4"
    with av.open(str(plain)) as source, av.open(str(video), "w") as out:
        links = {}
        for stream in source.streams:
            links[stream.index] = copy = out.add_stream_from_template(stream, opaque=True)
            copy.disposition = stream.disposition
            copy.metadata.update({"language": "deu", "title": f"Spur {stream.index}"})
        for packet in source.demux():
            if packet.size:
                packet.stream = links[packet.stream_index]
                out.mux_one(packet)
    made = run_enhance(video, tmp_path / "out", format=wanted).files[0].path
    with av.open(str(made)) as found:
        tags = {s.type: track_tags(s) for s in reversed(found.streams)}
        covers = [s for s in found.streams.video if s.disposition & Disposition.attached_pic]
    assert tags["video"] == {"language": "deu", "title": "Spur 0"}
    assert tags["audio"] == {"language": "deu", "title": "Spur 1"}
    assert len(covers) == (wanted == "mp4")


def test_tags_that_tell_players_to_change_the_volume_are_left_out(tmp_path: Path) -> None:
    tags = {"title": "A talk", "REPLAYGAIN_TRACK_GAIN": "-3 dB"}
    path = make_sample(tmp_path / "a.mp3", duration_s=0.2, tags=tags)
    with av.open(str(path)) as container:
        found = copied_tags(container, require_audio(container, path.name))
    assert found["title"] == "A talk"
    assert not any(name.lower().startswith("replaygain") for name in found)
