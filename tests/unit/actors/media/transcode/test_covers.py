"""Cover art, languages and titles of tracks in what a transcode makes."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from av.stream import Disposition

from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.videos import transcode

KEPT = ("mp4", "mkv", "mp3", "m4a", "ogg", "opus", "flac")
LOST = ("mov", "webm", "aac", "wav")


def covers_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        covers = [s for s in container.streams.video if s.disposition & Disposition.attached_pic]
        return [next(bytes(p) for p in container.demux(s) if p.size) for s in covers]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second with a cover, its tracks in German and with titles."""
    folder = tmp_path_factory.mktemp("covers")
    plain = make_sample(folder / "plain.mp4", duration_s=0.5, attached_picture=True)
    with av.open(str(plain)) as source, av.open(str(folder / "a.mp4"), "w") as out:
        links = {}
        for stream in source.streams:
            links[stream.index] = copy = out.add_stream_from_template(stream, opaque=True)
            copy.disposition = stream.disposition
            copy.metadata.update({"language": "deu", "title": f"Spur {stream.index}"})
        for packet in source.demux():
            if packet.size:
                packet.stream = links[packet.stream_index]
                out.mux_one(packet)
    return folder / "a.mp4"


@pytest.mark.parametrize("format", [*KEPT, *LOST])
def test_a_cover_is_carried_or_missed_aloud(video: Path, tmp_path: Path, format: str) -> None:
    result = transcode(video, tmp_path / "out", format=format)
    noted = any("cover" in note for note in result.data["notes"])
    assert covers_of(result.files[0].path) == (covers_of(video) if format in KEPT else [])
    assert noted is (format in LOST)
    assert result.files[0].facts.get("width") == (None if format in KEPT[2:] + LOST[2:] else 320)


def test_a_cover_of_sound_goes_along_into_every_kind_of_sound(tmp_path: Path) -> None:
    song = make_sample(tmp_path / "a.mp3", duration_s=0.5, attached_picture=True)
    wanted = covers_of(song)
    for kind in ("mp3", "m4a", "opus", "flac"):
        song = transcode(song, tmp_path / kind, format=kind).files[0].path
        assert covers_of(song) == wanted


@pytest.mark.parametrize("format", ["mp4", "mov", "mkv", "webm"])
def test_languages_and_titles_of_tracks_are_carried(
    video: Path, tmp_path: Path, format: str
) -> None:
    made = transcode(video, tmp_path / "out", format=format).files[0].path
    with av.open(str(made)) as container:
        streams = container.streams
        for track, title in ((streams.video[0], "Spur 0"), (streams.audio[0], "Spur 1")):
            assert track.metadata["language"] in ("deu", "ger")
            assert title in (track.metadata.get("title"), track.metadata.get("name"))


def test_a_title_that_the_output_can_t_hold_is_noted(video: Path, tmp_path: Path) -> None:
    notes = transcode(video, tmp_path / "out", format="wav").data["notes"]
    assert any("Spur 1" in note for note in notes)


def test_the_tags_of_an_ogg_file_are_those_of_what_is_made_of_it(tmp_path: Path) -> None:
    song = make_sample(tmp_path / "a.ogg", duration_s=0.5, tags={"title": "A song"})
    result = transcode(song, tmp_path / "out", format="mp3")
    with av.open(str(result.files[0].path)) as made:
        assert made.metadata["title"] == "A song"
    assert not result.data["notes"]
