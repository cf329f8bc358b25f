"""What an output can't hold, or was not chosen for it, is told in the notes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.rational import AVRational

from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.videos import joined, transcode


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tracks of video and two of audio, an attached font, chapters, tags, a language."""
    folder = tmp_path_factory.mktemp("full")
    plain = make_sample(folder / "plain.mp4", duration_s=1)
    path = folder / "full.mkv"
    with av.open(str(plain)) as source, av.open(str(path), "w") as out:
        doubled = [
            (stream, out.add_stream_from_template(stream))
            for stream in source.streams
            for _ in range(2)
        ]
        doubled[2][1].metadata["language"] = "jpn"
        out.metadata.update({"title": "Two", "composer": "Someone"})
        out.add_attachment("font.ttf", "application/x-truetype-font", b"none")
        out.set_chapters(
            [
                {
                    "id": 1,
                    "start": 0,
                    "end": 500,
                    "time_base": AVRational(1, 1000),
                    "metadata": {"title": "one"},
                }
            ]
        )
        for packet in source.demux():
            if packet.dts is None:
                continue
            stamps, base = (packet.pts, packet.dts), packet.time_base
            for given, made in doubled:
                if given is packet.stream:
                    again = av.Packet(bytes(packet))
                    (again.pts, again.dts), again.time_base = stamps, base
                    again.is_keyframe, again.stream = packet.is_keyframe, made
                    out.mux(again)
    return path


def notes_of(full: Path, folder: Path, form: str, **params: Any) -> list[str]:
    notes: list[str] = transcode(full, folder / "o", format=form, **params).data["notes"]
    return notes


def test_other_tracks_and_attached_files_are_told(full: Path, tmp_path: Path) -> None:
    assert notes_of(full, tmp_path, "mp4") == [
        "1 other track(s) of audio were left out; see audio_track=all",
        "1 other track(s) of video were left out",
        "1 attached file(s) were left out",
    ]
    assert notes_of(full, tmp_path, "mkv", audio_track="all") == [
        "1 other track(s) of video were left out",
        "1 attached file(s) were left out",
    ]


def test_what_the_caller_chose_is_not_told(full: Path, tmp_path: Path) -> None:
    assert notes_of(full, tmp_path, "flac", audio_track=0) == []
    assert [note for note in notes_of(full, tmp_path, "mp4", audio=False) if "audio" in note] == []


def test_tags_chapters_and_language_that_are_lost_are_told(full: Path, tmp_path: Path) -> None:
    assert notes_of(full, tmp_path, "aac", audio_track=0) == [
        "tags were left out: composer, title",
        "1 chapter(s) were left out",
        "the language of the audio track was left out: jpn",
    ]
    assert notes_of(full, tmp_path, "wav", audio_track=0) == [
        "tags were left out: composer",
        "1 chapter(s) were left out",
    ]


@pytest.mark.parametrize("form", ["mp3", "flac", "wav"])
def test_the_language_of_a_sole_track_goes_with_the_file(
    full: Path, tmp_path: Path, form: str
) -> None:
    [file] = transcode(full, tmp_path / "o", format=form, audio_track=0).files
    with av.open(str(file.path)) as made:
        assert made.metadata.get("language") == "jpn"
    [back] = transcode(file.path, tmp_path / "p", format="m4a").files
    with av.open(str(back.path)) as made:
        assert made.streams.audio[0].metadata["language"] == "jpn"


@pytest.mark.parametrize("suffix", [".mp4", ".flv"])
def test_a_second_file_that_no_reader_reaches_is_told(tmp_path: Path, suffix: str) -> None:
    codec = "flv1" if suffix == ".flv" else None
    part = make_sample(tmp_path / f"part{suffix}", duration_s=1, vcodec=codec, audio=False)
    twice = joined(tmp_path / f"twice{suffix}", part, part)
    length = part.stat().st_size
    told = (
        f"behind the end of 'twice{suffix}' another file begins, of {length} bytes: it was left out"
    )
    assert transcode(twice, tmp_path / "o").data["notes"] == [told]
    assert transcode(part, tmp_path / "p").data["notes"] == []


def test_transparency_that_can_t_be_read_is_told(tmp_path: Path) -> None:
    clear = tmp_path / "clear.webm"
    with av.open(str(clear), "w") as out:
        stream = out.add_stream("libvpx", rate=25, options={"auto-alt-ref": "0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
        stream.metadata["alpha_mode"] = "1"
        image = av.VideoFrame.from_ndarray(np.full((48, 64, 4), 128, np.uint8), "rgba")
        for number in range(5):
            frame = image.reformat(format="yuva420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert transcode(clear, tmp_path / "o").data["notes"] == [
        "the transparency of the video was left out"
    ]
