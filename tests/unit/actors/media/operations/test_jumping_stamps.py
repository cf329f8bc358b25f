"""Files whose time stamps jump: recordings that were joined, restarted, or ran over 33 bits."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from reelyard.actors.media.operation import Result, Work
from reelyard.actors.media.operations.optimize import OptimizeParams, optimize
from reelyard.actors.media.operations.probe import ProbeParams, probe
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.audio.audio_samples import tone, write_audio
from tests.unit.actors.media.enhancements import run_enhance
from tests.unit.actors.media.previews import cell_numbers_of, gif_frames_of, number_of, run_preview
from tests.unit.actors.media.previews import shown as image_of
from tests.unit.actors.media.videos import (
    frames_of,
    joined,
    numbers_of,
    restamped,
    samples_of,
    source,
    times_of,
    transcode,
)

OVERFLOW_S = 2**33 / 90_000
KINDS = ["again", "an hour later", "an hour earlier", "program stream", "overflow"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two parts of 2 s, 25 images/s, whose numbers go on from the first to the second."""
    folder = tmp_path_factory.mktemp("jumps")
    whole = make_sample(folder / "whole.mp4", duration_s=2, gop=10)
    first, later = (restamped(whole, folder / f"{offset_s}.ts", offset_s) for offset_s in (0, 3600))
    program = make_sample(folder / "p.mpg", duration_s=2, gop=10)
    four = make_sample(folder / "four.mp4", duration_s=4, gop=10)
    return {
        "again": joined(folder / "again.ts", first, first),
        "an hour later": joined(folder / "later.ts", first, later),
        "an hour earlier": joined(folder / "earlier.ts", later, first),
        "program stream": joined(folder / "again.mpg", program, program),
        "overflow": restamped(four, folder / "overflow.ts", OVERFLOW_S - 3.4),
    }


def expected_numbers(kind: str) -> list[int]:
    return list(range(100)) if kind == "overflow" else [*range(50), *range(50)]


def probed(path: Path) -> Result:
    return probe(Work([source(path)], ProbeParams(), path.parent))


def is_told(notes: list[str], kind: str) -> bool:
    return any("jump" in note for note in notes) == (kind != "overflow")


@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_tells_the_whole_length(files: dict[str, Path], kind: str) -> None:
    data = probed(files[kind]).data
    assert is_told(data["notes"], kind)
    assert data["duration_s"] == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_transcode_keeps_every_frame_and_the_sound_with_it(
    files: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    result = transcode(files[kind], tmp_path / "o", format="mkv", audio_codec="pcm_s16le")
    [file] = result.files
    assert numbers_of(file.path) == expected_numbers(kind)
    times = times_of(file.path)
    assert all(0.03 < later - sooner < 0.1 for sooner, later in pairwise(times))
    assert file.facts["duration_s"] == pytest.approx(4.0, abs=0.12)
    assert samples_of(file.path).shape[1] / 48_000 == pytest.approx(4.0, abs=0.12)
    assert is_told(result.data["notes"], kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_it_is_found(files: dict[str, Path], tmp_path: Path, kind: str) -> None:
    [file] = transcode(files[kind], tmp_path / "o", start=1.5, end=3.5).files
    numbers = numbers_of(file.path)
    shown = expected_numbers(kind)[37:88]
    assert numbers in (shown[:50], shown[1:51], shown[:49], shown[1:50])
    assert file.facts["duration_s"] == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_previews_show_all_of_it(files: dict[str, Path], tmp_path: Path, kind: str) -> None:
    numbers = expected_numbers(kind)
    thumbnail = run_preview(files[kind], tmp_path / "t", preview_type="thumbnail", timestamp=3.0)
    assert abs(number_of(image_of(thumbnail)) - numbers[75]) <= 2
    mosaic = run_preview(files[kind], tmp_path / "m", preview_type="mosaic", columns=2, rows=2)
    assert all(
        numbers[25 * cell] <= number <= numbers[25 * cell + 24]
        for cell, number in enumerate(cell_numbers_of(mosaic, 2, 2))
    )
    gif = run_preview(files[kind], tmp_path / "g", preview_type="gif", start=1, duration=3, fps=5)
    for result in (thumbnail, mosaic, gif):
        assert is_told(result.data.get("notes", []), kind)
    frames, _ = gif_frames_of(gif)
    assert len(frames) in (15, 16)
    assert abs(number_of(frames[-1]) - numbers[95]) <= 5


@pytest.mark.parametrize("kind", KINDS)
def test_an_enhancement_keeps_sound_and_images_of_all_parts(
    files: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    result = run_enhance(files[kind], tmp_path / "o", format="mkv", noise_reduction="off")
    assert len(frames_of(result.files[0].path)) == 100
    assert result.data["duration_s"] == pytest.approx(4.0, abs=0.15)
    assert is_told(result.data["notes"], kind)


def test_optimize_tells_the_length_and_the_jump(files: dict[str, Path], tmp_path: Path) -> None:
    work = Work([source(files["again"])], OptimizeParams(), tmp_path)
    data = optimize(work).data
    assert data["input_duration_s"] == pytest.approx(4.0, abs=0.1)
    assert data["output_duration_s"] == pytest.approx(4.0, abs=0.1)
    assert is_told(data["notes"], "again")


def test_chained_ogg_files_are_read_to_the_end(tmp_path: Path) -> None:
    parts = [
        write_audio(tmp_path / f"{hz}.ogg", tone(hz, -6, 2.0), codec="libopus") for hz in (300, 900)
    ]
    chained = joined(tmp_path / "chained.ogg", *parts)
    assert probed(chained).data["duration_s"] == pytest.approx(4.0, abs=0.05)
    for start, seconds in ((0.0, 4.0), (2.5, 1.5)):
        [file] = transcode(chained, tmp_path / "o", format="wav", start=start).files
        samples = samples_of(file.path)[0]
        assert len(samples) / 48_000 == pytest.approx(seconds, abs=0.05)
        spectrum = np.abs(np.fft.rfft(samples[-24_000:]))
        assert abs(int(spectrum.argmax()) * 2 - 900) <= 4


@pytest.mark.parametrize("suffix", [".flv", ".mkv", ".webm"])
def test_recordings_joined_in_formats_without_jumps_keep_every_frame(
    tmp_path: Path, suffix: str
) -> None:
    part = make_sample(tmp_path / f"part{suffix}", duration_s=2, gop=10)
    again = tmp_path / f"again{suffix}"
    # Of FLV the tags go on, as when a sender comes back: a second header ends what is read.
    again.write_bytes(part.read_bytes()[13 if suffix == ".flv" else 0 :])
    result = transcode(joined(tmp_path / f"joined{suffix}", part, again), tmp_path / "o")
    [file] = result.files
    assert numbers_of(file.path) == [*range(50), *range(50)]
    assert file.facts["duration_s"] == pytest.approx(4.0, abs=0.15)
    assert any("jump 1 time" in note for note in result.data["notes"])


@pytest.mark.parametrize("suffix", [".flv", ".mkv"])
def test_a_copied_video_of_joined_recordings_is_whole(tmp_path: Path, suffix: str) -> None:
    part = make_sample(tmp_path / f"part{suffix}", duration_s=2, gop=10)
    again = tmp_path / f"again{suffix}"
    again.write_bytes(part.read_bytes()[13 if suffix == ".flv" else 0 :])
    twice = joined(tmp_path / f"joined{suffix}", part, again)
    result = run_enhance(twice, tmp_path / "o", format="mkv")
    [file] = result.files
    assert numbers_of(file.path) == [*range(50), *range(50)]
    assert samples_of(file.path).shape[1] / 48_000 == pytest.approx(4.0, abs=0.2)
    assert any("jump 1 time" in note for note in result.data["notes"])
