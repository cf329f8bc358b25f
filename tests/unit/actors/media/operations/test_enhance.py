"""The operation `enhance`, from file to file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import get_args

import av
import numpy as np
import pytest

from actors.media.content import Content
from actors.media.operation import Limits, Progress, Result, Source, Work, find_operation
from actors.media.operations.enhance import PRESETS, EnhanceParams, clean_up, enhance
from actors.testing.sample_media import make_sample
from cluster.errors import (
    Cancelled,
    EmptySource,
    LimitExceeded,
    MediaError,
    NoSuchStream,
    UnsupportedCodec,
    UnsupportedOutput,
    ValidationFailed,
)
from tests.paths import CORPUS
from tests.unit.actors.media.audio_samples import (
    independent,
    line_db,
    noise,
    read,
    rms_db,
    speech,
    tone,
    write,
)


def run(
    path: Path,
    out: Path,
    *,
    progress: Progress | None = None,
    limits: Limits | None = None,
    **params: object,
) -> Result:
    out.mkdir(exist_ok=True)
    checked = EnhanceParams.model_validate(params)
    work = Work(
        [Source(path, path.name)],
        checked,
        out,
        limits=limits or Limits(),
        progress=progress or Progress(),
    )
    try:
        result = enhance(work)
    except MediaError:
        assert list(out.iterdir()) == [], "a failed run leaves nothing behind"
        raise
    assert [file.path for file in result.files] == list(out.iterdir())
    return result


def check_level(result: Result, target: float, peak: float = -1.0) -> None:
    """By FFmpeg's own meter, not by the one that the operation uses."""
    lufs, true_peak = independent(result.files[0].path)
    assert lufs == pytest.approx(target, abs=0.5)
    assert true_peak <= peak + 0.1
    after = result.data["loudness"]["after"]
    assert after["integrated_lufs"] == pytest.approx(lufs, abs=0.1)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of soft, noisy, humming speech."""
    sound = speech(5, level_db=-34, channels=2)
    sound = sound + noise(-62, 5, channels=2) + tone(50, -55, 5, channels=2)
    sound = sound + tone(150, -60, 5, channels=2)
    return write(tmp_path_factory.mktemp("in") / "my talk.wav", sound)


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
    result = run(recording, tmp_path / "out", format=form, content="podcast")
    check_level(result, -16)
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
    result = run(recording, tmp_path / "out", target_lufs=target, peak_limit_db=-2)
    check_level(result, target, -2)
    assert result.data["loudness"]["limited"] is (target == -14)


def test_loudness_off_leaves_the_level(tmp_path: Path) -> None:
    path = write(tmp_path / "in.wav", speech(3, level_db=-30))
    off = {"noise_reduction": "off", "dynamics": "off", "hum": "off", "high_pass": False}
    result = run(path, tmp_path / "out", loudness=False, **off)
    before, after = result.data["loudness"]["before"], result.data["loudness"]["after"]
    assert after["integrated_lufs"] == pytest.approx(before["integrated_lufs"], abs=0.05)
    assert result.data["filters"] == []
    assert np.abs(read(result.files[0].path)[0] - read(path)[0]).max() < 1e-4


def test_hum_and_noise_are_gone_from_the_result(recording: Path, tmp_path: Path) -> None:
    result = run(recording, tmp_path / "out", noise_reduction="high", dynamics="off")
    before, rate = read(recording)
    after, _ = read(result.files[0].path)
    gain = rms_db(after) - rms_db(before)
    assert line_db(after[:, rate:], 50, rate) < line_db(before[:, rate:], 50, rate) + gain - 15
    pause = slice(int(2.0 * rate), int(2.5 * rate))
    assert rms_db(after[:, pause]) < rms_db(before[:, pause]) + gain - 8


def test_silence_stays_silent(tmp_path: Path) -> None:
    path = write(tmp_path / "in.wav", np.zeros((2, 48_000), np.float32))
    result = run(path, tmp_path / "out", content="meeting")
    assert not read(result.files[0].path)[0].any()
    assert result.data["loudness"]["after"]["integrated_lufs"] is None
    assert "silent" in result.data["notes"][0]


def test_faint_noise_alone_is_not_blown_up(tmp_path: Path) -> None:
    path = write(tmp_path / "in.wav", noise(-88, 2))
    result = run(path, tmp_path / "out", content="meeting")
    assert rms_db(read(result.files[0].path)[0]) < -80


@pytest.mark.parametrize("seconds", [0.001, 0.05, 0.3])
@pytest.mark.parametrize("form", ["wav", "mp3", "opus"])
def test_clip_below_a_gating_block_is_brought_to_loudness(
    tmp_path: Path, seconds: float, form: str
) -> None:
    path = write(tmp_path / "in.wav", tone(500, -30, seconds))
    result = run(path, tmp_path / "out", format=form, high_pass=False, noise_reduction="off")
    assert result.data["loudness"]["after"]["true_peak_dbtp"] <= -0.9
    assert any("shorter than 0.4 s" in note for note in result.data["notes"])


@pytest.mark.parametrize(
    ("channels", "form", "expected"), [(6, "same", 6), (6, "mp3", 2), (8, "flac", 8), (5, "m4a", 5)]
)
def test_more_than_two_channels_stay_or_are_mixed_down(
    tmp_path: Path, channels: int, form: str, expected: int
) -> None:
    path = write(tmp_path / "in.wav", speech(2, channels=channels))
    result = run(path, tmp_path / "out", format=form)
    assert result.files[0].facts["channels"] == expected
    assert result.data["loudness"]["after"]["integrated_lufs"] == pytest.approx(-18, abs=0.5)


@pytest.mark.parametrize("layout", ["2.1", "5.1(side)", "7.1(wide)"])
@pytest.mark.parametrize("form", ["opus", "aac"])
def test_every_layout_goes_into_every_format(tmp_path: Path, layout: str, form: str) -> None:
    channels = {"2.1": 3, "5.1(side)": 6, "7.1(wide)": 8}[layout]
    path = write(tmp_path / "in.wav", speech(1, channels=channels), layout=layout)
    result = run(path, tmp_path / "out", format=form)
    assert result.files[0].facts["channels"] == (6 if (channels, form) == (8, "aac") else channels)


@pytest.mark.parametrize(
    ("rate", "form"),
    [
        *((8_000, "mp3"), (8_000, "m4a"), (11_025, "opus"), (37_800, "wav"), (37_800, "mp3")),
        *((96_000, "wav"), (96_000, "m4a"), (96_000, "mp3")),
    ],
)
def test_odd_sample_rates_are_taken(tmp_path: Path, rate: int, form: str) -> None:
    path = write(tmp_path / "in.wav", speech(1.5, rate=rate), rate=rate)
    result = run(path, tmp_path / "out", format=form, content="voice_recording")
    check_level(result, -16)
    assert result.files[0].facts["duration_s"] == pytest.approx(1.5, abs=0.16)


def test_region_is_all_that_comes_out(tmp_path: Path) -> None:
    sound = np.concatenate([tone(300, -20, 2), tone(700, -20, 2), tone(300, -20, 2)], axis=1)
    path = write(tmp_path / "in.flac", sound, codec="flac")
    result = run(path, tmp_path / "out", start=2.0, end=4.0, dynamics="off")
    found, rate = read(result.files[0].path)
    assert found.shape[1] == 2 * rate
    assert line_db(found, 700, rate) > line_db(found, 300, rate) + 40
    assert result.data["region"] == {"start": 2.0, "end": 4.0}


def test_region_behind_the_end_is_refused(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOutput, match=r"start: 60 s .* \(5\.00 s\)"):
        run(recording, tmp_path / "out", start=60.0)


def picture_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        return [bytes(packet) for packet in container.demux(video) if packet.size]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_film_keeps_its_picture_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    path = make_sample(tmp_path / f"film{suffix}", duration_s=2, width=160, height=90)
    result = run(path, tmp_path / "out", target_lufs=-20)
    file = result.files[0]
    assert (file.path.name, file.kind) == (f"film{suffix}", "video")
    assert picture_packets(file.path) == picture_packets(path)
    check_level(result, -20)
    assert file.facts["frames"] == 50


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_and_picture_stay_together(tmp_path: Path, suffix: str) -> None:
    path = make_sample(tmp_path / f"film{suffix}", duration_s=3, width=160, height=90, gop=25)
    off = {"dynamics": "off", "noise_reduction": "off", "hum": "off", "high_pass": False}
    for name, region, shift in (("whole", {}, 0), ("part", {"start": 1.5, "end": 2.6}, 1.0)):
        result = run(path, tmp_path / name, **off, **region)
        before, rate = read(path)
        after, _ = read(result.files[0].path, rate)
        inside = after[0, rate // 4 : rate]
        start = int(shift * rate) + rate // 4 - 4000
        lags = np.correlate(before[0, start : start + len(inside) + 8000], inside, "valid")
        # Within half a packet of AAC, far below a frame of the picture.
        assert abs(int(lags.argmax()) - 4000) <= 600
        with av.open(str(result.files[0].path)) as container:
            times = [frame.time for frame in container.decode(video=0)]
        assert times[0] == pytest.approx(0.0, abs=0.1)
    assert result.data["region"]["start"] == 1.0, "moved to the key frame"
    assert any("begins at 1.000 s, a key frame" in note for note in result.data["notes"])


def test_film_given_out_as_sound_loses_its_picture(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "film.mp4", duration_s=1, width=160, height=90)
    result = run(path, tmp_path / "out", format="mp3")
    assert result.files[0].kind == "audio"
    assert result.data["notes"] == ["left out: video"]


def test_picture_that_does_not_fit_the_container_is_refused_by_name(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "film.mp4", duration_s=1, width=160, height=90)
    with pytest.raises(UnsupportedCodec, match=r"h264.*webm"):
        run(path, tmp_path / "out", format="webm")


def test_tags_and_cover_go_along_and_old_gain_tags_do_not(tmp_path: Path) -> None:
    tags = {"title": "A talk", "REPLAYGAIN_TRACK_GAIN": "-3 dB"}
    path = make_sample(tmp_path / "in.mp3", duration_s=1, attached_picture=True, tags=tags)
    result = run(path, tmp_path / "out")
    with av.open(str(result.files[0].path)) as container:
        assert container.metadata["title"] == "A talk"
        assert not any("replaygain" in key.lower() for key in container.metadata)
        assert len(container.streams.video) == 1
    assert result.files[0].kind == "audio"


def test_input_without_sound_has_no_such_stream(tmp_path: Path) -> None:
    film = make_sample(tmp_path / "mute.mp4", duration_s=0.4, audio=False)
    picture = make_sample(tmp_path / "still.png")
    for path in (film, picture):
        with pytest.raises(NoSuchStream, match=path.name):
            run(path, tmp_path / "out")


def test_bad_inputs_are_refused_by_name(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp3"
    empty.touch()
    with pytest.raises(EmptySource, match=r"empty\.mp3"):
        run(empty, tmp_path / "out")
    text = tmp_path / "text.wav"
    text.write_text("not sound at all " * 50)
    with pytest.raises(MediaError, match=r"text\.wav"):
        run(text, tmp_path / "out")
    long = write(tmp_path / "long.wav", noise(-20, 2))
    with pytest.raises(LimitExceeded, match=r"long\.wav"):
        run(long, tmp_path / "out", limits=Limits(max_duration_s=1))


def test_cancel_stops_it_and_leaves_nothing(recording: Path, tmp_path: Path) -> None:
    class Impatient(Progress):
        def __call__(self, *args: object, **known: object) -> None:
            if self.ticks > 12:
                self.cancelled.set()
            super().__call__(*args, **known)  # type: ignore[arg-type]

    with pytest.raises(Cancelled):
        run(recording, tmp_path / "out", progress=Impatient())


def test_progress_only_rises_and_ends_at_the_whole(recording: Path, tmp_path: Path) -> None:
    seen: list[float] = []

    class Watched(Progress):
        def __call__(self, *args: object, **known: object) -> None:
            super().__call__(*args, **known)  # type: ignore[arg-type]
            seen.append(self.fraction)

    run(recording, tmp_path / "out", progress=Watched(), target_lufs=-10, format="mp3")
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 20


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
        result = run(path, tmp_path / str(index), content=content)
        target = result.data["loudness"]["target_lufs"]
        lufs, peak = independent(result.files[0].path)
        assert lufs == pytest.approx(target, abs=0.5), path.name
        assert peak <= -0.9, path.name


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_real_sound_files_are_enhanced_or_refused_as_they_should_be(tmp_path: Path) -> None:
    with (CORPUS / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    wrong = []
    for index, row in enumerate(rows):
        path = CORPUS / row["path"]
        if not row["path"].startswith(("audio/", "broken/")) or path.stat().st_size > 700_000:
            continue
        try:
            run(path, tmp_path / str(index), noise_reduction="off")
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
