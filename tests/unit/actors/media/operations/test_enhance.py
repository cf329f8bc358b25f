"""The operation `enhance`: formats, loudness, what is cleaned, and real files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from reelyard.actors.media.audio.recording_kinds import Content
from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operation import Progress
from reelyard.actors.media.operations.enhance import PRESETS, EnhanceParams, clean_up
from reelyard.cluster.errors import (
    Cancelled,
    MediaError,
)
from tests.paths import CORPUS
from tests.unit.actors.media.audio.audio_samples import (
    line_db,
    measured_by_ffmpeg,
    noise,
    read_audio,
    rms_db,
    speech,
    tone,
    write_audio,
)
from tests.unit.actors.media.enhancements import check_loudness, run_enhance


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of soft, noisy, humming speech."""
    audio = speech(5, level_db=-34, channels=2)
    audio = audio + noise(-62, 5, channels=2) + tone(50, -55, 5, channels=2)
    audio = audio + tone(150, -60, 5, channels=2)
    return write_audio(tmp_path_factory.mktemp("in") / "my talk.wav", audio)


FORMATS = {
    "wav": ("pcm_s16le", "my talk.wav"),
    "flac": ("flac", "my talk.flac"),
    "mp3": ("mp3", "my talk.mp3"),
    "aac": ("aac", "my talk.aac"),
    "m4a": ("aac", "my talk.m4a"),
    "ogg": ("opus", "my talk.ogg"),
    "opus": ("opus", "my talk.opus"),
    "mka": ("aac", "my talk.mka"),
    "mp4": ("aac", "my talk.mp4"),
}


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_reaches_loudness_and_peak(recording: Path, tmp_path: Path, form: str) -> None:
    result = run_enhance(recording, tmp_path / "out", format=form, content="podcast")
    check_loudness(result, -16)
    file = result.files[0]
    assert (file.facts["audio_codec"], file.path.name) == FORMATS[form]
    assert file.kind == "audio"
    assert file.facts["duration_s"] == pytest.approx(5.0, abs=0.1)
    assert result.data["hum"]["mains_hz"] == 50
    assert result.data["noise_floor_dbfs"] < -50
    assert result.data["notes"] == []


@pytest.mark.parametrize("target", [-30.0, -23.0, -14.0])
def test_target_is_reached_with_and_without_the_limiter(
    recording: Path, tmp_path: Path, target: float
) -> None:
    result = run_enhance(recording, tmp_path / "out", target_lufs=target, peak_limit_db=-2)
    check_loudness(result, target, -2)
    assert result.data["loudness"]["limited"] is (target == -14)


def test_loudness_off_leaves_the_level(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "in.wav", speech(3, level_db=-30))
    off: dict[str, Any] = {
        "noise_reduction": "off",
        "dynamics": "off",
        "hum": "off",
        "high_pass": False,
    }
    result = run_enhance(path, tmp_path / "out", loudness=False, **off)
    before, after = result.data["loudness"]["before"], result.data["loudness"]["after"]
    assert after["integrated_lufs"] == pytest.approx(before["integrated_lufs"], abs=0.05)
    assert result.data["filters"] == []
    assert np.abs(read_audio(result.files[0].path)[0] - read_audio(path)[0]).max() < 1e-4


def test_hum_and_noise_are_gone_from_the_result(recording: Path, tmp_path: Path) -> None:
    result = run_enhance(recording, tmp_path / "out", noise_reduction="high", dynamics="off")
    before, rate = read_audio(recording)
    after, _ = read_audio(result.files[0].path)
    gain = rms_db(after) - rms_db(before)
    assert line_db(after[:, rate:], 50, rate) < line_db(before[:, rate:], 50, rate) + gain - 15
    pause = slice(int(2.0 * rate), int(2.5 * rate))
    assert rms_db(after[:, pause]) < rms_db(before[:, pause]) + gain - 8


def test_silence_stays_silent(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "in.wav", np.zeros((2, 48_000), np.float32))
    result = run_enhance(path, tmp_path / "out", content="meeting")
    assert not read_audio(result.files[0].path)[0].any()
    assert result.data["loudness"]["after"]["integrated_lufs"] is None
    assert "silent" in result.data["notes"][0]


def test_faint_noise_alone_is_not_blown_up(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "in.wav", noise(-88, 2))
    result = run_enhance(path, tmp_path / "out", content="meeting")
    assert rms_db(read_audio(result.files[0].path)[0]) < -80


@pytest.mark.parametrize("seconds", [0.001, 0.05, 0.3])
@pytest.mark.parametrize("form", ["wav", "mp3", "opus"])
def test_clip_below_a_gating_block_is_brought_to_loudness(
    tmp_path: Path, seconds: float, form: str
) -> None:
    path = write_audio(tmp_path / "in.wav", tone(500, -30, seconds))
    result = run_enhance(
        path, tmp_path / "out", format=form, high_pass=False, noise_reduction="off"
    )
    assert result.data["loudness"]["after"]["true_peak_dbtp"] <= -0.9
    assert any("shorter than 0.4 s" in note for note in result.data["notes"])


@pytest.mark.parametrize(
    ("channels", "form", "expected"), [(6, "same", 6), (6, "mp3", 2), (8, "flac", 8), (5, "m4a", 5)]
)
def test_more_than_two_channels_stay_or_are_mixed_down(
    tmp_path: Path, channels: int, form: str, expected: int
) -> None:
    path = write_audio(tmp_path / "in.wav", speech(2, channels=channels))
    result = run_enhance(path, tmp_path / "out", format=form)
    assert result.files[0].facts["channels"] == expected
    assert result.data["loudness"]["after"]["integrated_lufs"] == pytest.approx(-18, abs=0.5)


@pytest.mark.parametrize("layout", ["2.1", "5.1(side)", "7.1(wide)"])
@pytest.mark.parametrize("form", ["opus", "aac"])
def test_every_layout_goes_into_every_format(tmp_path: Path, layout: str, form: str) -> None:
    channels = {"2.1": 3, "5.1(side)": 6, "7.1(wide)": 8}[layout]
    path = write_audio(tmp_path / "in.wav", speech(1, channels=channels), layout=layout)
    result = run_enhance(path, tmp_path / "out", format=form)
    assert result.files[0].facts["channels"] == (6 if (channels, form) == (8, "aac") else channels)


@pytest.mark.parametrize(
    ("rate", "form"),
    [
        *((8_000, "mp3"), (8_000, "m4a"), (11_025, "opus"), (37_800, "wav"), (37_800, "mp3")),
        *((96_000, "wav"), (96_000, "m4a"), (96_000, "mp3")),
    ],
)
def test_odd_sample_rates_are_taken(tmp_path: Path, rate: int, form: str) -> None:
    path = write_audio(tmp_path / "in.wav", speech(1.5, rate=rate), rate=rate)
    result = run_enhance(path, tmp_path / "out", format=form, content="voice_recording")
    check_loudness(result, -16)
    assert result.files[0].facts["duration_s"] == pytest.approx(1.5, abs=0.16)


def test_region_is_all_that_comes_out(tmp_path: Path) -> None:
    audio = np.concatenate([tone(300, -20, 2), tone(700, -20, 2), tone(300, -20, 2)], axis=1)
    path = write_audio(tmp_path / "in.flac", audio, codec="flac")
    result = run_enhance(path, tmp_path / "out", start=2.0, end=4.0, dynamics="off")
    found, rate = read_audio(result.files[0].path)
    assert found.shape[1] == 2 * rate
    assert line_db(found, 700, rate) > line_db(found, 300, rate) + 40
    assert result.data["region"] == {"start": 2.0, "end": 4.0}


def test_cancel_stops_it_and_leaves_nothing(recording: Path, tmp_path: Path) -> None:
    class Impatient(Progress):
        def __call__(self, *args: Any, **known: Any) -> None:
            if self.ticks > 12:
                self.cancelled.set()
            super().__call__(*args, **known)

    with pytest.raises(Cancelled):
        run_enhance(recording, tmp_path / "out", progress=Impatient())


def test_progress_only_rises_and_ends_at_the_whole(recording: Path, tmp_path: Path) -> None:
    seen: list[float] = []

    class Watched(Progress):
        def __call__(self, *args: Any, **known: Any) -> None:
            super().__call__(*args, **known)
            seen.append(self.fraction)

    run_enhance(recording, tmp_path / "out", progress=Watched(), target_lufs=-10, format="mp3")
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 20


def test_hum_may_be_told_as_a_number() -> None:
    assert EnhanceParams.model_validate({"hum": 50}).hum == "50"


def test_content_sets_what_the_caller_leaves_open() -> None:
    assert set(PRESETS) == set(get_args(Content))
    music = clean_up(EnhanceParams(content="music"))
    assert (music.high_pass_hz, music.noise_reduction, music.hum, music.dynamics) == (
        *(None, "off", "off"),
        "off",
    )
    talk = clean_up(EnhanceParams(content="podcast", noise_reduction="max", high_pass=False))
    assert (talk.high_pass_hz, talk.noise_reduction, talk.hum) == (None, "max", "auto")
    assert clean_up(EnhanceParams(content="music", high_pass=True)).high_pass_hz == 40


def test_kind_and_lane_follow_from_the_parameters() -> None:
    found = find_operation("enhance")
    assert found.kind(found.parse({})) == "audio"
    assert found.kind(found.parse({"format": "mkv"})) == "video"
    assert found.lane(found.parse({})) == "cpu"


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_real_speech_reaches_loudness_and_peak(tmp_path: Path) -> None:
    for index, path in enumerate(sorted((CORPUS / "speech").iterdir())):
        if path.stat().st_size > 1_200_000 or path.name == "multilingual.mp3":
            continue
        content = ("podcast", "meeting", "mobile_phone")[index % 3]
        result = run_enhance(path, tmp_path / str(index), content=content)
        target = result.data["loudness"]["target_lufs"]
        lufs, peak = measured_by_ffmpeg(result.files[0].path)
        assert lufs == pytest.approx(target, abs=0.5), path.name
        assert peak <= -0.9, path.name


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_real_audio_files_are_enhanced_or_refused_as_they_should_be(tmp_path: Path) -> None:
    with (CORPUS / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    wrong = []
    for index, row in enumerate(rows):
        path = CORPUS / row["path"]
        if not row["path"].startswith(("audio/", "broken/")) or path.stat().st_size > 700_000:
            continue
        try:
            run_enhance(path, tmp_path / str(index), noise_reduction="off")
            outcome = "done"
        except MediaError as error:
            outcome = error.code
        allowed = {
            "must_succeed": outcome in ("done", "no_such_stream"),
            "must_fail": outcome != "done",
            "unsupported_clean": outcome.startswith(("unsupported", "no_such_stream")),
        }.get(row["outcome"], True)
        if not allowed:
            wrong.append((row["path"], row["outcome"], outcome))
    assert wrong == []
