"""Streams that are declared and hold nothing, or that begin before pictures and sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from reelyard.actors.media.operation import Source, Work
from reelyard.actors.media.operations.probe import ProbeParams, probe
from reelyard.cluster.errors import NoSuchStream
from tests.unit.actors.media.codec.timing.test_vacant_streams import with_empty_tracks
from tests.unit.actors.media.enhancements import run_enhance
from tests.unit.actors.media.previews import run_preview
from tests.unit.actors.media.videos import times_of, transcode


def test_an_empty_audio_track_counts_as_absent_with_a_note(tmp_path: Path) -> None:
    made = transcode(with_empty_tracks(tmp_path / "a.mkv", audio=1), tmp_path / "o")
    facts = made.files[0].facts
    assert (facts["frames"], facts.get("audio_codec")) == (25, None)
    assert made.data["notes"] == ["the audio track 0 of 'a.mkv' is empty: it was left out"]


def test_a_probe_names_what_is_declared_and_empty(tmp_path: Path) -> None:
    path = with_empty_tracks(tmp_path / "a.mkv", audio=1)
    told = probe(Work([Source(path, path.name)], ProbeParams(), tmp_path)).data
    assert told["notes"] == ["the audio track 0 is empty"]


def test_the_track_that_holds_something_is_taken(tmp_path: Path) -> None:
    path = with_empty_tracks(tmp_path / "a.mkv", video=1, audio=1, sound=True)
    heard = transcode(path, tmp_path / "o", format="wav")
    assert heard.files[0].facts["channels"] == 1
    assert len(heard.data["notes"]) == 2
    enhanced = run_enhance(path, tmp_path / "e")
    assert enhanced.files[0].kind == "audio"
    assert sum("empty" in note for note in enhanced.data["notes"]) == 2
    video = with_empty_tracks(tmp_path / "b.mkv", video=1)
    assert transcode(video, tmp_path / "p").files[0].facts["frames"] == 25
    for kind in ("thumbnail", "mosaic", "gif"):
        assert run_preview(video, tmp_path / kind, preview_type=kind).files


def test_an_empty_track_that_is_asked_for_is_named(tmp_path: Path) -> None:
    path = with_empty_tracks(tmp_path / "a.mkv", video=1, audio=1, sound=True)
    with pytest.raises(NoSuchStream, match=r"no video: its video track is empty"):
        transcode(path, tmp_path / "o")
    with pytest.raises(NoSuchStream, match=r"the audio track 0 of 'a\.mkv' is empty"):
        transcode(path, tmp_path / "o", format="wav", audio_track=0)


@pytest.fixture
def data_first(tmp_path: Path) -> Path:
    """1 s of pictures and sound, which begin 0.72 s after a data stream."""
    path = tmp_path / "data.ts"
    with av.open(str(path), "w", format="mpegts") as out:
        video = out.add_stream("mpeg2video", rate=25)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        sound = out.add_stream("mp2", rate=48_000, layout="mono")
        data = out.add_data_stream("timed_id3")
        out.start_encoding()
        packet = av.Packet(b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"x" * 50)
        packet.pts = packet.dts = 0
        packet.time_base, packet.stream, packet.duration = Fraction(1, 90_000), data, 1
        out.mux(packet)
        for number in range(25):
            grey = np.full((180, 160), number * 9, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, "yuv420p")
            frame.pts, frame.time_base = number + 18, Fraction(1, 25)
            out.mux(video.encode(frame))
            wave = (np.sin(np.arange(1920) * 0.1) * 8000).astype(np.int16).reshape(1, -1)
            piece = av.AudioFrame.from_ndarray(wave, "s16", "mono")
            piece.sample_rate = 48_000
            piece.pts, piece.time_base = number * 1920 + 34_560, Fraction(1, 48_000)
            out.mux(sound.encode(piece))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))
    return path


def test_a_film_begins_with_its_pictures_and_sound_and_not_with_its_data(
    data_first: Path, tmp_path: Path
) -> None:
    made = transcode(data_first, tmp_path / "o")
    assert made.files[0].facts["duration_s"] == pytest.approx(1.0, abs=0.05)
    assert times_of(made.files[0].path)[0] == pytest.approx(0, abs=0.02)
    facts = probe(Work([Source(data_first, "data.ts")], ProbeParams(), tmp_path)).data
    assert facts["duration_s"] == pytest.approx(1.0, abs=0.05)
    thumbnail = run_preview(data_first, tmp_path / "t", preview_type="thumbnail", timestamp=0.5)
    assert thumbnail.data["timestamp"] == pytest.approx(0.5, abs=0.04)
    enhanced = run_enhance(data_first, tmp_path / "e", format="wav")
    assert enhanced.data["duration_s"] == pytest.approx(1.0, abs=0.05)
