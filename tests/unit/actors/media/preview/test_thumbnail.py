"""Thumbnails: which frame they show, and how it is found."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.previews import film_of, luma, number_of, run_preview, shown


def rewrite_shape(source: Path, target: Path, shape: str) -> None:
    """Copy a video of H.264 with a pixel shape that only its codec's header tells."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        bsf = av.BitStreamFilterContext(f"h264_metadata=sample_aspect_ratio={shape}", stream, copy)
        for packet in reader.demux(stream):
            for changed in bsf.filter(packet if packet.size else None):
                changed.stream = copy
                writer.mux(changed)


def test_a_thumbnail_without_a_time_is_the_key_frame_before_a_quarter(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "c.mp4", duration_s=8, fps=10, gop=10, audio=False)
    result = run_preview(path, tmp_path / "out", preview_type="thumbnail", width=320)
    image = shown(result)
    assert (result.files[0].facts["format"], image.size) == ("jpeg", (320, 180))
    assert number_of(image) == 20
    assert result.data["timestamp"] == 2.0
    assert result.files[0].path.name == "c.jpg"


def test_an_exact_thumbnail_without_a_time_is_the_frame_at_a_quarter(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "c.mp4", duration_s=8, fps=10, gop=80, audio=False)
    fast = run_preview(path, tmp_path / "fast", preview_type="thumbnail", width=320)
    exact = run_preview(path, tmp_path / "exact", preview_type="thumbnail", width=320, exact=True)
    assert (number_of(shown(fast)), number_of(shown(exact))) == (0, 20)
    assert exact.data["timestamp"] == 2.0


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "mpg", "webm"])
def test_the_key_frame_before_a_quarter_is_found_in_every_container(
    tmp_path: Path, suffix: str
) -> None:
    path = make_sample(tmp_path / f"c.{suffix}", duration_s=9, fps=25, gop=25, audio=False)
    result = run_preview(path, tmp_path / "out", preview_type="thumbnail", width=320)
    assert number_of(shown(result)) == 50
    assert result.data["timestamp"] == pytest.approx(2.0, abs=0.001)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_header_alone_gives_the_same_thumbnail_as_a_decoded_one(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_sample(tmp_path / f"c.{suffix}", duration_s=8, gop=25)
    quick = run_preview(path, tmp_path / "a", preview_type="thumbnail")
    monkeypatch.setattr("reelyard.actors.media.preview.thumbnail.tells_by_header", lambda _: False)
    slow = run_preview(path, tmp_path / "b", preview_type="thumbnail")
    assert quick.files[0].path.read_bytes() == slow.files[0].path.read_bytes()
    assert quick.data == slow.data


def test_a_header_that_lies_about_the_size_is_not_believed(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "c.mp4", duration_s=0.4, audio=False)
    data = bytearray(path.read_bytes())
    entry = data.index(b"avc1", data.index(b"stsd")) + 28
    track = data.index(b"tkhd") + 80
    for at in (entry, track):  # both hold the width
        assert int.from_bytes(data[at : at + 2], "big") == 320
        data[at : at + 2] = (160).to_bytes(2, "big")
    path.write_bytes(data)
    assert shown(run_preview(path, tmp_path / "out", preview_type="thumbnail")).size == (320, 180)


def test_pixels_that_only_the_codec_knows_to_be_oblong_are_shown_square(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "c.mp4", duration_s=0.4, audio=False)
    oblong = tmp_path / "oblong.mp4"
    rewrite_shape(path, oblong, "4/3")
    assert shown(run_preview(oblong, tmp_path / "out", preview_type="thumbnail")).size == (426, 180)


@pytest.mark.parametrize(
    ("timestamp", "number"), [(0, 0), ("00:01", 25), (1.5, 37), ("0:00:00.52", 13), (2, 49)]
)
def test_a_thumbnail_at_a_time_is_the_exact_frame(
    clip: Path, tmp_path: Path, timestamp: object, number: int
) -> None:
    result = run_preview(
        clip, tmp_path / "o", preview_type="thumbnail", timestamp=timestamp, width=320
    )
    assert number_of(shown(result)) == number


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize("level", [16, 128, 235])
def test_a_flat_frame_gives_way_to_one_that_shows_something(
    tmp_path: Path, suffix: str, level: int
) -> None:
    path = film_of(tmp_path / f"a.{suffix}", [level, level, level, level, level, None, None, level])
    result = run_preview(path, tmp_path / "out", preview_type="thumbnail")
    assert luma(shown(result)).std() > 50
    assert result.data["timestamp"] >= 4.9


def test_a_film_of_flat_key_frames_shows_another_frame(tmp_path: Path) -> None:
    path = film_of(tmp_path / "a.mp4", [16, 16, None, None, None, None], gop=1000)
    result = run_preview(path, tmp_path / "out", preview_type="thumbnail")
    assert luma(shown(result)).std() > 50
    assert result.data["timestamp"] >= 2


def test_the_frame_at_a_quarter_stays_where_it_shows_something(tmp_path: Path) -> None:
    path = film_of(tmp_path / "a.mp4", [16, 16, None, 16, 16, 16, 16, 235])
    assert run_preview(path, tmp_path / "out", preview_type="thumbnail").data["timestamp"] == 2


def test_a_film_that_is_flat_throughout_has_a_flat_thumbnail(tmp_path: Path) -> None:
    path = film_of(tmp_path / "a.mp4", [16, 16, 16, 16])
    first = run_preview(path, tmp_path / "a", preview_type="thumbnail")
    again = run_preview(path, tmp_path / "b", preview_type="thumbnail")
    assert luma(shown(first)).std() < 2
    assert first.data["timestamp"] == again.data["timestamp"] == 1


def test_an_asked_for_frame_may_be_flat(tmp_path: Path) -> None:
    path = film_of(tmp_path / "a.mp4", [16, 16, None, None])
    asked = run_preview(path, tmp_path / "a", preview_type="thumbnail", timestamp=0.5)
    exact = run_preview(path, tmp_path / "b", preview_type="thumbnail", exact=True)
    assert [result.data["timestamp"] for result in (asked, exact)] == [0.5, 1.0]
