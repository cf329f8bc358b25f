"""The audio of a transcode: which tracks there are, in which form, to the sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from numpy.typing import NDArray

from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import (
    MediaError,
    NoSuchStream,
    UnsupportedOutput,
)
from tests.unit.actors.media.conftest import SampleMaker
from tests.unit.actors.media.videos import samples_of, transcode


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        ("mp3", "mp3"),
        ("m4a", "aac"),
        ("aac", "aac"),
        ("ogg", "opus"),
        ("opus", "opus"),
        ("wav", "pcm_s16le"),
        ("flac", "flac"),
    ],
)
def test_the_audio_of_a_video_becomes_a_file_of_its_own(
    clips: SampleMaker, tmp_path: Path, form: str, codec: str
) -> None:
    [file] = transcode(clips(), tmp_path / "o", format=form).files
    assert (file.kind, file.facts["audio_codec"]) == ("audio", codec)
    assert "video_codec" not in file.facts
    assert file.facts["duration_s"] == pytest.approx(2.0, abs=0.1)
    if form in ("wav", "flac"):
        assert np.allclose(samples_of(file.path), samples_of(clips())[:, :96_000], atol=0.01)


def test_a_silent_video_stays_silent_and_audio_can_be_left_out(
    clips: SampleMaker, tmp_path: Path
) -> None:
    silent = transcode(clips(audio=False), tmp_path / "o").files[0]
    muted = transcode(clips(), tmp_path / "p", audio=False).files[0]
    assert "audio_codec" not in silent.facts
    assert "audio_codec" not in muted.facts


def test_the_best_or_a_chosen_or_all_audio_tracks_are_kept(
    clips: SampleMaker, tmp_path: Path
) -> None:
    clip = clips("a.mkv", audio_tracks=3)

    def languages(path: Path) -> list[str | None]:
        with av.open(str(path)) as container:
            return [s.metadata.get("language") for s in container.streams.audio]

    best = transcode(clip, tmp_path / "o", format="mp4").files[0]
    second = transcode(clip, tmp_path / "p", format="mp4", audio_track=1).files[0]
    everyone = transcode(clip, tmp_path / "q", format="mkv", audio_track="all").files[0]
    assert languages(best.path) == ["eng"]
    assert languages(second.path) == ["deu"]
    assert languages(everyone.path) == ["eng", "deu", "fra"]
    with pytest.raises(NoSuchStream, match="no track 7"):
        transcode(clip, tmp_path / "r", format="wav", audio_track=7)


def test_surround_is_kept_or_mixed_down(clips: SampleMaker, tmp_path: Path) -> None:
    clip = clips(layout="5.1")
    kept = transcode(clip, tmp_path / "o").files[0]
    mixed = transcode(clip, tmp_path / "p", format="mp3", sample_rate=44_100).files[0]
    assert kept.facts["channels"] == 6
    assert (mixed.facts["channels"], mixed.facts["sample_rate"]) == (2, 44_100)


def test_audio_is_cut_to_the_sample(clips: SampleMaker, tmp_path: Path) -> None:
    clip = clips("a.wav")
    [file] = transcode(clip, tmp_path / "o", format="wav", start=0.25, end=0.75).files
    assert np.array_equal(samples_of(file.path), samples_of(clip)[:, 12_000:36_000])


def test_a_long_gap_in_the_audio_becomes_silence_to_the_sample(tmp_path: Path) -> None:
    rate, gap = 48_000, 5 * 48_000
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("flac", rate=rate, layout="mono")
        for start in (0, rate + gap):
            tone = np.full((1, rate), 8000, np.int16)
            frame = av.AudioFrame.from_ndarray(tone, "s16", "mono")
            frame.sample_rate, frame.pts = rate, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    [file] = transcode(tmp_path / "a.mkv", tmp_path / "o", format="flac").files
    [samples] = samples_of(file.path)
    assert len(samples) == 2 * rate + gap
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    assert (loud[0], np.diff(loud).max(), loud[-1]) == (0, gap + 1, len(samples) - 1)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif"])
def test_an_image_has_no_audio_to_take(clips: SampleMaker, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(NoSuchStream, match="no audio"):
        transcode(clips(f"a{suffix}"), tmp_path / "o", format="mp3")


def write_pcm(path: Path, layout: str, codec: str, samples: NDArray[np.int32]) -> Path:
    """A WAV file of `samples`: int32 (1, count x channels), interleaved."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=48_000, layout=layout)
        assert isinstance(stream, av.AudioStream)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(samples, format="s32", layout=layout)
        frame.sample_rate = 48_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_flac_keeps_the_depth_of_the_source(tmp_path: Path) -> None:
    samples = (np.arange(4800, dtype=np.int32) << 16)[None] + 256
    source = write_pcm(tmp_path / "a.wav", "mono", "pcm_s24le", samples)
    for form in ("flac", "mkv"):
        [file] = transcode(
            source, tmp_path / form, format="flac" if form == "flac" else "ogg", audio_codec="flac"
        ).files
        with av.open(str(file.path)) as container:
            found = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)
        assert np.array_equal(found, samples)


def test_raw_aac_takes_six_of_eight_channels(tmp_path: Path) -> None:
    source = write_pcm(tmp_path / "a.wav", "7.1", "pcm_s24le", np.zeros((1, 8 * 4800), np.int32))
    [file] = transcode(source, tmp_path / "o", format="aac").files
    assert file.facts["channels"] == 6


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_track_much_shorter_than_the_rest_of_the_file_is_no_damage(
    tmp_path: Path, name: str
) -> None:
    brief = make_sample(tmp_path / "brief.mp4", duration_s=1)
    long = make_sample(tmp_path / "long.wav", duration_s=4)
    with (
        av.open(str(brief)) as short,
        av.open(str(long)) as audio,
        av.open(str(tmp_path / name), "w") as out,
    ):
        video = out.add_stream_from_template(short.streams.video[0])
        tracks = [out.add_stream("aac", rate=48_000, layout="stereo") for _ in range(2)]
        for packet in short.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        for track, source in zip(tracks, (short, audio), strict=True):
            source.seek(0)
            for frame in source.decode(audio=0):
                out.mux(track.encode(frame))
            out.mux(track.encode(None))
    wishes: list[dict[str, Any]] = [
        {"audio_track": 0},
        {"audio": False},
        {"format": "mp3", "audio_track": 0},
    ]
    for number, params in enumerate(wishes):
        [file] = transcode(tmp_path / name, tmp_path / f"{number}", **params).files
        assert file.facts["duration_s"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("form", ["mp4", "mkv"])
def test_the_default_track_stays_the_default(clips: SampleMaker, tmp_path: Path, form: str) -> None:
    clip = clips(duration_s=0.4, audio_tracks=2)
    with av.open(str(clip)) as source, av.open(str(tmp_path / "a.mkv"), "w") as out:
        copies = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for stream, default in zip(copies.values(), (1, 0, 1), strict=True):
            stream.disposition = Disposition(default)
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    [file] = transcode(tmp_path / "a.mkv", tmp_path / "o", format=form, audio_track="all").files
    with av.open(str(file.path)) as container:
        assert [int(s.disposition) & 1 for s in container.streams] == [1, 0, 1]


def _channels(path: Path, layout: str, seconds: float = 0.5) -> Path:
    """16-bit audio with a tone in every channel."""
    with av.open(str(path), "w") as out:
        codec = "pcm_s16le" if path.suffix == ".wav" else "flac"
        stream = out.add_stream(codec, rate=48_000, layout=layout)
        assert isinstance(stream, av.AudioStream)
        count = stream.codec_context.layout.nb_channels
        wave = np.sin(np.arange(round(seconds * 48_000)) * 0.05) * 8000
        block = wave.astype(np.int16).repeat(count).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, "s16", layout)
        frame.sample_rate = 48_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("layout", ["3.0", "quad", "5.0(side)", "hexagonal"])
def test_channels_of_any_layout_stay_what_they_are(tmp_path: Path, layout: str) -> None:
    made = _channels(tmp_path / "a.flac", layout)
    result = transcode(made, tmp_path / "o", format="flac")
    assert result.data["notes"] == []
    with av.open(str(result.files[0].path)) as file:
        assert file.streams.audio[0].layout.name == layout


def test_channels_that_are_lost_are_told(tmp_path: Path) -> None:
    made = _channels(tmp_path / "a.flac", "quad")
    result = transcode(made, tmp_path / "o", format="mp3")
    assert result.data["notes"] == ["4 channels of audio were mixed to 2"]
    assert transcode(made, tmp_path / "p", format="mp3", channels=2).data["notes"] == []


def test_channels_that_belong_nowhere_are_not_mixed(tmp_path: Path) -> None:
    made = _channels(tmp_path / "a.wav", "32 channels")
    with pytest.raises(UnsupportedOutput, match="32 channels"):
        transcode(made, tmp_path / "o", format="m4a")


@pytest.mark.parametrize("form", ["mp4", "mkv", "webm"])
def test_a_part_in_which_the_sound_has_ended_is_silent(tmp_path: Path, form: str) -> None:
    whole = make_sample(tmp_path / "whole.mp4", duration_s=2)
    path = tmp_path / "ends-early.mp4"
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        made = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            late = packet.dts is None or packet.dts * packet.time_base > 0.5
            if packet.size and not (late and packet.stream.type == "audio"):
                packet.stream = made[packet.stream.index]
                out.mux(packet)
    result = transcode(path, tmp_path / "o", format=form, start=1, end=2)
    assert result.data["notes"] == ["no audio could be decoded in the wanted part: it is silent"]
    [file] = result.files
    assert file.facts["frames"] == 25
    samples = samples_of(file.path)
    assert samples.shape[1] / 48_000 == pytest.approx(1.0, abs=0.05)
    assert np.abs(samples).max() < 1e-3
    with pytest.raises(MediaError, match="no audio in the wanted part") as caught:
        transcode(path, tmp_path / "p", format="mp3", start=1, end=2)
    assert caught.value.code == "media_error"
