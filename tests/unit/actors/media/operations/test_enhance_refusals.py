"""Refusals of the operation `enhance`: inputs, regions, parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operation import Limits
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import (
    EmptySource,
    LimitExceeded,
    MediaError,
    NoSuchStream,
    UnsupportedCodec,
    UnsupportedOutput,
    ValidationFailed,
)
from tests.unit.actors.media.audio.audio_samples import noise, speech, write_audio
from tests.unit.actors.media.enhancements import run_enhance


def test_region_behind_the_end_is_refused(tmp_path: Path) -> None:
    recording = write_audio(tmp_path / "in.wav", speech(5))
    with pytest.raises(UnsupportedOutput, match=r"start: 60 s .* \(5\.00 s\)"):
        run_enhance(recording, tmp_path / "out", start=60.0)


def test_input_without_audio_has_no_such_stream(tmp_path: Path) -> None:
    video = make_sample(tmp_path / "mute.mp4", duration_s=0.4, audio=False)
    image = make_sample(tmp_path / "still.png")
    for path in (video, image):
        with pytest.raises(NoSuchStream, match=path.name):
            run_enhance(path, tmp_path / "out")


def test_bad_inputs_are_refused_by_name(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp3"
    empty.touch()
    with pytest.raises(EmptySource, match=r"empty\.mp3"):
        run_enhance(empty, tmp_path / "out")
    text = tmp_path / "text.wav"
    text.write_text("not audio at all " * 50)
    with pytest.raises(MediaError, match=r"text\.wav"):
        run_enhance(text, tmp_path / "out")
    long = write_audio(tmp_path / "long.wav", noise(-20, 2))
    with pytest.raises(LimitExceeded, match=r"long\.wav"):
        run_enhance(long, tmp_path / "out", limits=Limits(max_duration_s=1))


@pytest.mark.parametrize(
    "params",
    [
        {"content": "opera"},
        {"high_pass_hz": 5},
        {"high_pass_hz": 80, "high_pass": False},
        {"noise_reduction": "extreme"},
        {"hum": 55},
        {"target_lufs": 0},
        {"target_lufs": -16, "loudness": False},
        {"peak_limit_db": 1},
        {"format": "exe"},
        {"format": "flac", "bit_rate": 128_000},
        {"start": -1},
        {"start": 5, "end": 5},
        {"volume": 11},
    ],
)
def test_parameters_out_of_bounds_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(ValidationFailed, match="enhance|" + "|".join(params)):
        find_operation("enhance").parse(params)


def test_a_video_that_mkv_does_not_take_is_refused_before_the_work(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.avi", duration_s=0.5, vcodec="wmv2")
    with pytest.raises(UnsupportedCodec, match=r"a\.avi.*wmv2.*transcode it first"):
        run_enhance(path, tmp_path / "o", format="mkv")
