"""Transcoding real files: what comes out is what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.operation import Source, Work
from reelyard.actors.media.operations.transcode import TranscodeParams
from reelyard.actors.media.operations.transcode import transcode as run
from reelyard.actors.testing.sample_media import make_sample, plane_of
from reelyard.cluster.errors import (
    NoSuchStream,
    UnsupportedOutput,
)
from tests.unit.actors.media.conftest import SampleMaker
from tests.unit.actors.media.videos import frames_of, numbers_of, samples_of, times_of, transcode


@pytest.mark.parametrize(
    ("form", "codec", "audio", "expected"),
    [
        ("mp4", "h264", "aac", ("h264", "aac")),
        ("mp4", "h265", None, ("hevc", "aac")),
        ("mov", None, "pcm_s16le", ("h264", "pcm_s16le")),
        ("webm", None, None, ("vp9", "opus")),
        ("mkv", "av1", "flac", ("av1", "flac")),
        ("mp4", "av1", "opus", ("av1", "opus")),
        ("mkv", "vp9", "mp3", ("vp9", "mp3")),
    ],
)
def test_every_frame_arrives_at_its_own_time_in_every_codec(
    clips: SampleMaker,
    tmp_path: Path,
    form: str,
    codec: str | None,
    audio: str | None,
    expected: tuple[str, str],
) -> None:
    clip = clips(vfr=True)
    result = transcode(clip, tmp_path / "o", format=form, codec=codec, audio_codec=audio)
    [file] = result.files
    assert (file.path.name, file.kind) == (f"a.{form}", "video")
    assert (file.facts["video_codec"], file.facts["audio_codec"]) == expected
    assert file.facts["frames"] == 50
    assert numbers_of(file.path) == list(range(50))
    assert times_of(file.path) == pytest.approx(times_of(clip), abs=0.002)


def test_a_cover_is_not_the_video(clips: SampleMaker, tmp_path: Path) -> None:
    [file] = transcode(clips(attached_picture=True), tmp_path / "o").files
    assert (file.facts["width"], file.facts["frames"]) == (320, 50)
    with pytest.raises(NoSuchStream, match="no video"):
        transcode(clips("a.mp3", attached_picture=True), tmp_path / "p")


@pytest.mark.parametrize(
    ("params", "size"),
    [
        ({"height": 90}, (160, 90)),
        ({"width": "50%"}, (160, 90)),
        ({"width": 100, "height": 100}, (100, 56)),
        ({"width": 100, "height": 100, "fit": "cover"}, (100, 100)),
        ({"width": 100, "height": 100, "fit": "fill"}, (100, 100)),
        ({"width": 200, "height": 200, "background": "#ffffff"}, (200, 200)),
    ],
)
def test_sizes_and_fits(
    clips: SampleMaker, tmp_path: Path, params: dict[str, Any], size: tuple[int, int]
) -> None:
    [file] = transcode(clips(duration_s=0.4, audio=False), tmp_path / "o", **params).files
    assert (file.facts["width"], file.facts["height"]) == size


def test_bars_have_the_colour_asked_for(clips: SampleMaker, tmp_path: Path) -> None:
    clip = clips(duration_s=0.4, audio=False)
    [file] = transcode(clip, tmp_path / "o", width=200, height=200, background="FF0000").files
    frame = frames_of(file.path)[5]
    assert plane_of(frame)[:40].mean() == pytest.approx(63, abs=6)
    assert plane_of(frame, 2)[:20].mean() > 200


def test_several_inputs_are_joined_with_silence_where_one_has_no_audio(
    clips: SampleMaker, tmp_path: Path
) -> None:
    inputs = [clips(), clips("a.ts", audio=False), clips(rotation=90, audio=False), clips("b.mkv")]
    [file] = transcode(inputs, tmp_path / "o", format="mov", audio_codec="pcm_s16le").files
    assert (file.facts["width"], file.facts["height"], file.facts["frames"]) == (320, 180, 200)
    times = times_of(file.path)
    assert times == sorted(times)
    assert numbers_of(file.path)[:100] == [*range(50), *range(50)]
    audio = np.abs(samples_of(file.path)).max(axis=0)
    assert len(audio) == pytest.approx(8 * 48_000, abs=2500)
    assert audio[int(2.2 * 48_000) : int(5.9 * 48_000)].max() < 0.001
    assert audio[int(6.2 * 48_000) :].max() > 0.1
    with pytest.raises(UnsupportedOutput, match="several inputs"):
        transcode(inputs[:2], tmp_path / "p", start=1)


def test_titles_are_kept_and_what_describes_the_old_file_is_not(tmp_path: Path) -> None:
    clip = make_sample(tmp_path / "a.mkv", tags={"title": "Sommer", "artist": "Anna"})
    [file] = transcode(clip, tmp_path / "o", format="mp4").files
    tags = probe_media(file.path).tags
    assert (tags["title"], tags["artist"]) == ("Sommer", "Anna")


def test_bit_rates_are_kept_to_about(clips: SampleMaker, tmp_path: Path) -> None:
    clip = clips(duration_s=6, width=640, height=360)
    low = transcode(clip, tmp_path / "o", bitrate=200_000, audio_bitrate=32_000).files[0]
    high = transcode(clip, tmp_path / "p", bitrate=1_000_000, audio_bitrate=192_000).files[0]
    assert high.facts["size"] > 2.5 * low.facts["size"]


def test_the_name_of_the_input_is_the_name_of_the_output(
    clips: SampleMaker, tmp_path: Path
) -> None:
    (tmp_path / "o").mkdir()
    source = Source(clips(), "Übung & Spaß? 100%d.final.MOV")
    [file] = run(Work([source], TranscodeParams(preset="ultrafast"), tmp_path / "o")).files
    assert file.path.name == "Übung & Spaß? 100%d.final.mp4"
    assert file.mime == "video/mp4"


def test_players_of_every_make_know_the_h265_of_mp4_and_mov(
    clips: SampleMaker, tmp_path: Path
) -> None:
    clip = clips(duration_s=0.4, audio=False)
    for form in ("mp4", "mov"):
        [file] = transcode(clip, tmp_path / form, format=form, codec="h265").files
        with av.open(str(file.path)) as container:
            assert container.streams.video[0].codec_context.codec_tag == "hvc1"
