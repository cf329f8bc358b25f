"""Files that are cut off short: every operation judges them alike, in each container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelyard.actors.media.operation import Source, Work
from reelyard.actors.media.operations.optimize import OptimizeParams, optimize
from reelyard.actors.media.operations.probe import ProbeParams, probe
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import CorruptMedia, TruncatedMedia
from tests.unit.actors.media.cut_media import SILENT, SURE, cut_film, whole_film, with_length
from tests.unit.actors.media.enhancements import run_enhance
from tests.unit.actors.media.previews import run_preview
from tests.unit.actors.media.videos import transcode

LENGTHS = {"expected_duration_s", "available_duration_s"}


def told(data: dict[str, Any]) -> tuple[float | None, float]:
    """Both lengths that a result or an error tells."""
    return data["expected_duration_s"], data["available_duration_s"]


@pytest.mark.parametrize("name", SURE)
def test_what_is_surely_cut_off_fails_and_tells_both_lengths(tmp_path: Path, name: str) -> None:
    path = cut_film(tmp_path, name)
    with pytest.raises(TruncatedMedia, match=rf"{name}.*cut off.*partial=true") as refused:
        transcode(path, tmp_path / "o")
    expected_s, there_s = told(refused.value.details)
    assert expected_s is not None
    assert 1 < there_s < expected_s < 4.2
    if name != "frag.mp4":
        assert expected_s == pytest.approx(4, abs=0.15)
    assert list((tmp_path / "o").iterdir()) == []


@pytest.mark.parametrize("name", [*SURE, *SILENT])
def test_what_is_there_is_delivered_on_demand_and_where_it_suffices(
    tmp_path: Path, name: str
) -> None:
    path = cut_film(tmp_path, name)
    partial = transcode(path, tmp_path / "o", partial=True)
    seconds = partial.files[0].facts["duration_s"]
    assert 1 < seconds < 4
    if name in SURE:
        assert partial.data["truncated"] is True
        assert told(partial.data)[1] == pytest.approx(seconds, abs=0.2)
        assert any("cut off" in note for note in partial.data["notes"])
    part = transcode(path, tmp_path / "p", start=0.3, end=1.0)
    assert part.files[0].facts["duration_s"] == pytest.approx(0.7, abs=0.1)
    assert "truncated" not in part.data


@pytest.mark.parametrize("name", [*SURE, *SILENT])
def test_previews_show_what_is_there(tmp_path: Path, name: str) -> None:
    path = cut_film(tmp_path, name)
    for time_s in (None, 0.5):
        made = run_preview(path, tmp_path / "t", preview_type="thumbnail", timestamp=time_s)
        assert made.data["timestamp"] < 1.5
    mosaic = run_preview(path, tmp_path / "m", preview_type="mosaic", columns=3, rows=1, width=192)
    times = mosaic.data["timestamps"]
    assert len(set(times)) == 3
    assert times[-1] < 4
    gif = run_preview(path, tmp_path / "g", preview_type="gif", start=1, duration=5, width=64)
    assert 0.2 < gif.data["duration"] < 2.9
    if name in SURE:
        assert gif.data["truncated"] is mosaic.data["truncated"] is True


def test_a_thumbnail_of_a_moment_that_is_missing_shows_the_last_one_there(tmp_path: Path) -> None:
    path = cut_film(tmp_path, "a.mkv")
    made = run_preview(path, tmp_path / "t", preview_type="thumbnail", timestamp=3.9)
    assert made.data["truncated"] is True
    assert 1 < made.data["timestamp"] < 3


def test_a_clip_of_a_missing_stretch_fails_unless_what_is_there_will_do(tmp_path: Path) -> None:
    path = cut_film(tmp_path, "a.mkv")
    clip: dict[str, Any] = {"preview_type": "clip", "start": 1, "duration": 3}
    with pytest.raises(TruncatedMedia):
        run_preview(path, tmp_path / "c", **clip)
    made = run_preview(path, tmp_path / "d", **clip, partial=True)
    assert made.data["truncated"] is True
    assert 0.2 < made.data["duration"] < 2.5
    assert (
        "truncated"
        not in run_preview(path, tmp_path / "e", preview_type="clip", start=0.5, duration=0.5).data
    )


@pytest.mark.parametrize("kind", ["gif", "clip"])
def test_a_start_behind_what_is_there_is_refused_with_both_lengths(
    tmp_path: Path, kind: str
) -> None:
    path = cut_film(tmp_path, "a.mkv")
    with pytest.raises(TruncatedMedia, match=r"start 3\.8 s lies behind") as refused:
        run_preview(path, tmp_path / "o", preview_type=kind, start=3.8, partial=True)
    assert refused.value.details.keys() >= LENGTHS
    with pytest.raises(TruncatedMedia, match=r"start 3\.8 s lies behind"):
        transcode(path, tmp_path / "o", start=3.8, partial=True)


def test_optimize_and_enhance_keep_to_the_same_policy(tmp_path: Path) -> None:
    path = cut_film(tmp_path, "a.mkv")
    (tmp_path / "o").mkdir()

    def optimized(**params: Any) -> dict[str, Any]:
        made = OptimizeParams.model_validate({"preset": "low-bandwidth"} | params)
        return optimize(Work([Source(path, path.name)], made, tmp_path / "o")).data

    with pytest.raises(TruncatedMedia):
        optimized()
    assert optimized(partial=True)["truncated"] is True
    with pytest.raises(TruncatedMedia):
        run_enhance(path, tmp_path / "e")
    whole = run_enhance(path, tmp_path / "e", partial=True)
    assert whole.data["truncated"] is True
    part = run_enhance(path, tmp_path / "f", start=0.0, end=1.0)
    assert "truncated" not in part.data


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".aiff", ".flac", ".opus", ".m4a"])
def test_sound_keeps_to_the_policy_too(tmp_path: Path, suffix: str) -> None:
    path = make_sample(tmp_path / f"a{suffix}", duration_s=4, faststart=True, keep=0.5)
    if suffix in (".flac", ".opus"):
        made = transcode(path, tmp_path / "o", format="wav")
        assert made.data["truncated"] is True
        assert told(made.data)[0] == (pytest.approx(4, abs=0.1) if suffix == ".flac" else None)
    else:
        with pytest.raises(TruncatedMedia):
            transcode(path, tmp_path / "o", format="wav")
        with pytest.raises(TruncatedMedia):
            run_enhance(path, tmp_path / "e", format="wav")
    assert transcode(path, tmp_path / "p", format="wav", end=1).data.get("truncated") is None
    made = transcode(path, tmp_path / "q", format="wav", partial=True)
    assert made.data["truncated"] is True
    assert made.files[0].facts["duration_s"] == pytest.approx(told(made.data)[1], abs=0.1)


def test_a_header_that_promises_too_much_raises_a_suspicion_only(tmp_path: Path) -> None:
    path = with_length(whole_film(tmp_path, "a.mkv"), 40)
    made = transcode(path, tmp_path / "o")
    assert made.data["truncated"] is True
    assert told(made.data)[0] == pytest.approx(40)
    assert told(made.data)[1] == pytest.approx(4, abs=0.1)
    assert any("seems to be cut off: 4" in note for note in made.data["notes"])
    gif = run_preview(path, tmp_path / "g", preview_type="gif", start=2, duration=9, width=64)
    assert gif.data["duration"] == pytest.approx(2, abs=0.3)
    assert gif.data["truncated"] is True
    mosaic = run_preview(path, tmp_path / "m", preview_type="mosaic", columns=3, rows=1, width=192)
    assert len(set(mosaic.data["timestamps"])) == 3


def test_a_film_that_is_cut_off_before_its_first_picture_is_damaged(tmp_path: Path) -> None:
    path = whole_film(tmp_path, "a.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 20])
    with pytest.raises(CorruptMedia):
        transcode(path, tmp_path / "o")


def test_a_film_that_lost_its_index_with_its_end_is_damaged_and_says_why(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mp4", duration_s=1, keep=0.5)
    with pytest.raises(CorruptMedia, match=r"a\.mp4.*bytes are missing.*index"):
        transcode(path, tmp_path / "o", partial=True)


def test_lengths_of_several_inputs_are_told_together(tmp_path: Path) -> None:
    whole, cut = whole_film(tmp_path, "b.mkv"), cut_film(tmp_path, "a.mkv")
    with pytest.raises(TruncatedMedia, match=r"a\.mkv"):
        transcode([whole, cut], tmp_path / "o")
    made = transcode([whole, cut], tmp_path / "o", partial=True)
    expected_s, there_s = told(made.data)
    assert expected_s == pytest.approx(8, abs=0.1)
    assert there_s == pytest.approx(made.files[0].facts["duration_s"], abs=0.1)


def test_a_probe_tells_what_is_there(tmp_path: Path) -> None:
    def probed(path: Path) -> dict[str, Any]:
        return probe(Work([Source(path, path.name)], ProbeParams(), tmp_path)).data

    whole = probed(whole_film(tmp_path, "b.mkv"))
    assert whole["truncated"] is False
    assert not LENGTHS & whole.keys()
    cut = probed(cut_film(tmp_path, "a.mkv"))
    assert cut["truncated"] is True
    assert 1 < told(cut)[1] < 3
