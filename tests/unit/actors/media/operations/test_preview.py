"""The operation `preview`: parameters, and inputs of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operation import Limits, Progress, Source, Work
from reelyard.actors.media.operations.preview import PreviewParams, preview
from reelyard.actors.testing.sample_media import CORNERS, make_sample
from reelyard.cluster.errors import (
    Cancelled,
    CorruptMedia,
    LimitExceeded,
    MediaError,
    NoSuchStream,
    UnsupportedFormat,
    ValidationFailed,
)
from tests.paths import CORPUS
from tests.unit.actors.media.previews import cell_numbers_of, run_preview, shown


def test_a_still_image_has_a_thumbnail_but_no_preview_of_a_video(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "p.png", width=640, height=360)
    result = run_preview(path, tmp_path / "out", preview_type="thumbnail", width=100)
    assert shown(result).size == (100, 56)
    for kind in ("gif", "mosaic", "clip"):
        with pytest.raises(NoSuchStream, match=r"p\.png"):
            run_preview(path, tmp_path / kind, preview_type=kind)


@pytest.mark.parametrize("kind", ["gif", "thumbnail", "mosaic", "clip"])
def test_audio_alone_has_no_preview(tmp_path: Path, kind: str) -> None:
    path = make_sample(tmp_path / "s.mp3", duration_s=0.3)
    with pytest.raises(NoSuchStream, match=r"s\.mp3"):
        run_preview(path, tmp_path / "out", preview_type=kind)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_animated_gif_is_a_video(clip: Path, tmp_path: Path) -> None:
    gif = (
        run_preview(clip, tmp_path / "a", preview_type="gif", duration=0.4, width=320).files[0].path
    )
    result = run_preview(gif, tmp_path / "b", preview_type="mosaic", columns=2, rows=1, width=640)
    assert cell_numbers_of(result, 2, 1) == [0, 7]


@pytest.mark.parametrize(
    ("kind", "params"),
    [("thumbnail", {"timestamp": 9}), ("gif", {"start": 9}), ("clip", {"start": "0:09"})],
)
def test_a_time_behind_the_end_is_named(
    clip: Path, tmp_path: Path, kind: str, params: dict[str, Any]
) -> None:
    with pytest.raises(MediaError, match=r"clip\.mp4.* 9 s lies behind its end"):
        run_preview(clip, tmp_path / "out", preview_type=kind, **params)
    assert list((tmp_path / "out").iterdir()) == []


def test_bad_inputs_are_refused_by_name(clip: Path, tmp_path: Path) -> None:
    text, playlist, half = (tmp_path / name for name in ("t.mp4", "l.mp4", "h.mp4"))
    text.write_text("not media at all")
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    half.write_bytes(clip.read_bytes()[:20_000])
    for path, expected in (
        (text, CorruptMedia),
        (playlist, UnsupportedFormat),
        (half, CorruptMedia),
    ):
        for kind in ("gif", "thumbnail", "mosaic", "clip"):
            with pytest.raises(expected, match=path.name):
                run_preview(path, tmp_path / "out", preview_type=kind)
    with pytest.raises(LimitExceeded, match=r"clip\.mp4"):
        run_preview(clip, tmp_path / "out", Limits(max_pixels=1000), preview_type="thumbnail")


@pytest.mark.parametrize("kind", ["gif", "mosaic", "clip"])
def test_a_cancel_ends_the_work(clip: Path, tmp_path: Path, kind: str) -> None:
    progress = Progress()
    progress.cancelled.set()
    params = PreviewParams(preview_type=kind)
    with pytest.raises(Cancelled):
        preview(Work([Source(clip, "clip.mp4")], params, tmp_path, progress=progress))


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "preview_type"),
        ({"preview_type": "video"}, "preview_type"),
        ({"preview_type": "gif", "duration": 16}, "duration of a gif is at most 15 s"),
        ({"preview_type": "clip", "duration": 31}, "duration"),
        ({"preview_type": "clip", "duration": 0}, "duration"),
        ({"preview_type": "mosaic", "columns": 9}, "columns"),
        ({"preview_type": "mosaic", "rows": 0}, "rows"),
        ({"preview_type": "mosaic", "columns": 8, "width": 100}, "for each of 8 columns"),
        ({"preview_type": "gif", "fps": 21}, "fps"),
        ({"preview_type": "gif", "width": 8}, "width"),
        ({"preview_type": "gif", "start": "later"}, "start"),
        ({"preview_type": "thumbnail", "timestamp": -1}, "timestamp"),
        ({"preview_type": "mosaic", "background": "red"}, "background"),
        ({"preview_type": "gif", "speed": 2}, "speed"),
    ],
)
def test_parameters_out_of_bounds_are_refused_beforehand(
    params: dict[str, object], field: str
) -> None:
    with pytest.raises(ValidationFailed, match=field):
        find_operation("preview").parse(params)


@pytest.mark.parametrize(
    ("kind", "lane", "output", "length"),
    [
        ("gif", "cpu", "animation", 5),
        ("thumbnail", "light", "image", 0),
        ("mosaic", "light", "image", 0),
        ("clip", "cpu", "video", 10),
    ],
)
def test_lane_kind_and_default_length_follow_the_type(
    kind: str, lane: str, output: str, length: float
) -> None:
    found = find_operation("preview")
    params = found.parse({"preview_type": kind})
    assert isinstance(params, PreviewParams)
    assert (found.lane(params), found.kind(params), params.length_s) == (lane, output, length)


def test_checked_parameters_can_be_stored_and_read_back() -> None:
    found = find_operation("preview")
    params = found.parse({"preview_type": "gif", "start": "00:00:30"})
    stored = params.model_dump(mode="json")
    assert stored["start"] == 30
    assert found.parse(stored) == params


def test_the_sample_has_four_corners_to_tell() -> None:
    assert len(set(CORNERS)) == 4


VIDEOS = sorted((CORPUS / "video").glob("*")) if CORPUS.exists() else []


@pytest.mark.corpus
@pytest.mark.skipif(not VIDEOS, reason="the corpus is not here")
def test_real_videos_have_thumbnails_or_a_media_error(tmp_path: Path) -> None:
    done = 0
    for index, path in enumerate(VIDEOS):
        out = tmp_path / str(index)
        try:
            run_preview(path, out, preview_type="thumbnail", width=64)
            done += 1
        except MediaError:
            assert list(out.iterdir()) == []
    assert done >= 0.8 * len(VIDEOS)
