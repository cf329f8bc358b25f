from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from actors.media.operation import Limits, Progress, Source, Work, find_operation
from actors.media.operations.preview import PreviewParams, preview
from actors.testing.sample_media import CORNERS, make_sample, read_corners
from cluster.errors import (
    Cancelled,
    CorruptMedia,
    LimitExceeded,
    MediaError,
    NoSuchStream,
    UnsupportedFormat,
    ValidationFailed,
)
from tests.paths import CORPUS
from tests.unit.actors.media.images import make_animation
from tests.unit.actors.media.previews import cells_of, luma, number_of, run, shown


def rewrite_shape(source: Path, target: Path, shape: str) -> None:
    """Copy a film of H.264 with a pixel shape that only its codec's header tells."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        bsf = av.BitStreamFilterContext(f"h264_metadata=sample_aspect_ratio={shape}", stream, copy)
        for packet in reader.demux(stream):
            for changed in bsf.filter(packet if packet.size else None):
                changed.stream = copy
                writer.mux(changed)


# --- thumbnail ---


def test_a_thumbnail_without_a_time_is_the_key_frame_before_a_quarter(tmp_path):
    path = make_sample(tmp_path / "c.mp4", duration_s=8, fps=10, gop=10, audio=False)
    result = run(path, tmp_path / "out", preview_type="thumbnail", width=320)
    picture = shown(result)
    assert (result.files[0].facts["format"], picture.size) == ("jpeg", (320, 180))
    assert number_of(picture) == 20
    assert result.data["timestamp"] == 2.0
    assert result.files[0].path.name == "c.jpg"


def test_an_exact_thumbnail_without_a_time_is_the_frame_at_a_quarter(tmp_path):
    path = make_sample(tmp_path / "c.mp4", duration_s=8, fps=10, gop=80, audio=False)
    fast = run(path, tmp_path / "fast", preview_type="thumbnail", width=320)
    exact = run(path, tmp_path / "exact", preview_type="thumbnail", width=320, exact=True)
    assert (number_of(shown(fast)), number_of(shown(exact))) == (0, 20)
    assert exact.data["timestamp"] == 2.0


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "mpg", "webm"])
def test_the_key_frame_before_a_quarter_is_found_in_every_container(tmp_path, suffix):
    path = make_sample(tmp_path / f"c.{suffix}", duration_s=9, fps=25, gop=25, audio=False)
    result = run(path, tmp_path / "out", preview_type="thumbnail", width=320)
    assert number_of(shown(result)) == 50
    assert result.data["timestamp"] == pytest.approx(2.0, abs=0.001)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_header_alone_gives_the_same_picture_as_a_decoded_one(tmp_path, suffix, monkeypatch):
    path = make_sample(tmp_path / f"c.{suffix}", duration_s=8, gop=25)
    quick = run(path, tmp_path / "a", preview_type="thumbnail")
    monkeypatch.setattr("actors.media.preview.thumbnail.tells_by_header", lambda _: False)
    slow = run(path, tmp_path / "b", preview_type="thumbnail")
    assert quick.files[0].path.read_bytes() == slow.files[0].path.read_bytes()
    assert quick.data == slow.data


def test_a_header_that_lies_about_the_size_is_not_believed(tmp_path):
    path = make_sample(tmp_path / "c.mp4", duration_s=0.4, audio=False)
    data = bytearray(path.read_bytes())
    entry = data.index(b"avc1", data.index(b"stsd")) + 28
    track = data.index(b"tkhd") + 80
    for at in (entry, track):  # both hold the width
        assert int.from_bytes(data[at : at + 2], "big") == 320
        data[at : at + 2] = (160).to_bytes(2, "big")
    path.write_bytes(data)
    assert shown(run(path, tmp_path / "out", preview_type="thumbnail")).size == (320, 180)


def test_pixels_that_only_the_codec_knows_to_be_oblong_are_shown_square(tmp_path):
    path = make_sample(tmp_path / "c.mp4", duration_s=0.4, audio=False)
    oblong = tmp_path / "oblong.mp4"
    rewrite_shape(path, oblong, "4/3")
    assert shown(run(oblong, tmp_path / "out", preview_type="thumbnail")).size == (426, 180)


@pytest.mark.parametrize(
    ("timestamp", "number"), [(0, 0), ("00:01", 25), (1.5, 37), ("0:00:00.52", 13), (2, 49)]
)
def test_a_thumbnail_at_a_time_is_the_exact_frame(clip, tmp_path, timestamp, number):
    result = run(clip, tmp_path / "o", preview_type="thumbnail", timestamp=timestamp, width=320)
    assert number_of(shown(result)) == number


def test_previews_are_not_enlarged_and_have_even_sizes(clip, tmp_path):
    big = run(clip, tmp_path / "a", preview_type="thumbnail", width=3840)
    odd = run(clip, tmp_path / "b", preview_type="thumbnail", width=101)
    assert (big.data["width"], big.data["height"]) == (320, 180)
    assert (odd.data["width"], odd.data["height"]) == (100, 56)


@pytest.mark.parametrize(
    ("rotation", "hflip", "corners"),
    [
        (0, False, (0, 1, 2, 3)),
        (90, False, (1, 3, 0, 2)),
        (180, False, (3, 2, 1, 0)),
        (270, False, (2, 0, 3, 1)),
        (0, True, (1, 0, 3, 2)),
    ],
)
def test_pictures_come_out_upright(tmp_path, rotation, hflip, corners):
    path = make_sample(
        tmp_path / "c.mp4", duration_s=0.4, rotation=rotation, hflip=hflip, audio=False
    )
    size = (180, 320) if rotation in (90, 270) else (320, 180)
    for kind in ("thumbnail", "gif", "clip"):
        result = run(path, tmp_path / kind, preview_type=kind)
        with av.open(str(result.files[0].path)) as container:
            frame = next(container.decode(video=0))
        upright = frame.reformat(format="yuv420p", dst_color_range="MPEG")
        assert (frame.width, frame.height) == size
        assert read_corners(upright) == corners, kind


def test_pixels_that_are_not_square_are_made_square(tmp_path):
    path = make_sample(tmp_path / "c.mp4", duration_s=0.2, sar=Fraction(2, 1), audio=False)
    result = run(path, tmp_path / "out", preview_type="thumbnail", width=640)
    assert (result.data["width"], result.data["height"]) == (640, 180)


def test_hdr_is_brought_to_sdr_instead_of_left_washed_out(tmp_path):
    hdr = make_sample(tmp_path / "hdr.mp4", duration_s=0.2, hdr=True, audio=False)
    sdr = make_sample(tmp_path / "sdr.mp4", duration_s=0.2, audio=False)
    mapped, plain = (
        luma(shown(run(path, tmp_path / path.stem, preview_type="thumbnail")))
        for path in (hdr, sdr)
    )
    # Both hold the same codes: shown as they are, the pictures would be equal.
    assert np.abs(mapped - plain).mean() > 15
    corners = [mapped[2, 2], mapped[2, -3], mapped[-3, 2], mapped[-3, -3]]
    assert corners[0] == max(corners)
    assert corners[3] < corners[0] - 50


def test_the_length_of_a_film_whose_container_does_not_tell_it_is_measured(tmp_path):
    film = make_sample(tmp_path / "a.mp4", duration_s=2.0, gop=5, audio=False)
    endless = tmp_path / "endless.mkv"
    with av.open(str(film)) as source, av.open(str(endless), "w", options={"live": "1"}) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    with av.open(str(endless)) as container:
        assert container.duration is None
    result = run(endless, tmp_path / "out", preview_type="thumbnail")
    assert result.data["timestamp"] == pytest.approx(0.5, abs=0.2)


def test_interlaced_film_is_deinterlaced(tmp_path):
    path = make_sample(
        tmp_path / "c.mp4", duration_s=0.4, width=320, height=240, interlaced=True, audio=False
    )
    result = run(path, tmp_path / "out", preview_type="thumbnail", timestamp=0.2, width=320)
    picture = luma(shown(result))
    combing = np.abs(picture[1:-1] - (picture[:-2] + picture[2:]) / 2).mean()
    with av.open(str(path)) as container:
        woven = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][5]
    woven = woven.astype(int)
    assert combing < 0.7 * np.abs(woven[1:-1] - (woven[:-2] + woven[2:]) / 2).mean()


def test_a_still_picture_gives_a_thumbnail_but_no_film(tmp_path):
    path = make_sample(tmp_path / "p.png", width=640, height=360)
    result = run(path, tmp_path / "out", preview_type="thumbnail", width=100)
    assert shown(result).size == (100, 56)
    for kind in ("gif", "mosaic", "clip"):
        with pytest.raises(NoSuchStream, match=r"p\.png"):
            run(path, tmp_path / kind, preview_type=kind)


# --- inputs that are short, odd or bad ---


@pytest.mark.parametrize("kind", ["gif", "thumbnail", "mosaic", "clip"])
def test_a_film_of_one_frame_has_every_preview(tmp_path, kind):
    path = make_sample(tmp_path / "c.mp4", duration_s=0.04, audio=False)
    result = run(path, tmp_path / "out", preview_type=kind)
    assert result.files[0].facts["frames"] == 1


@pytest.mark.parametrize("kind", ["gif", "thumbnail", "mosaic", "clip"])
def test_sound_alone_has_no_preview(tmp_path, kind):
    path = make_sample(tmp_path / "s.mp3", duration_s=0.3)
    with pytest.raises(NoSuchStream, match=r"s\.mp3"):
        run(path, tmp_path / "out", preview_type=kind)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_cover_picture_is_not_taken_for_the_film(tmp_path):
    path = make_sample(tmp_path / "c.mp4", duration_s=0.4, attached_picture=True)
    result = run(path, tmp_path / "out", preview_type="thumbnail")
    assert (result.data["width"], result.data["height"]) == (320, 180)


def test_an_animated_gif_is_a_film(clip, tmp_path):
    gif = run(clip, tmp_path / "a", preview_type="gif", duration=0.4, width=320).files[0].path
    result = run(gif, tmp_path / "b", preview_type="mosaic", columns=2, rows=1, width=640)
    assert cells_of(result, 2, 1) == [0, 7]


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".avif"])
@pytest.mark.parametrize(("kind", "count"), [("gif", 5), ("clip", 5), ("mosaic", 1)])
def test_animated_pictures_of_every_format_are_films(tmp_path, suffix, kind, count):
    path = make_animation(tmp_path / f"a{suffix}")
    [file] = run(path, tmp_path / "o", preview_type=kind, columns=5, rows=1, width=640).files
    assert file.facts["frames"] == count
    with av.open(str(file.path)) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    reds = [
        picture[:, :, 0].mean() for picture in (shown if count > 1 else np.split(shown[0], 5, 1))
    ]
    assert reds == pytest.approx([n * 50 for n in range(5)], abs=6)


@pytest.mark.parametrize(
    ("kind", "params"),
    [("thumbnail", {"timestamp": 9}), ("gif", {"start": 9}), ("clip", {"start": "0:09"})],
)
def test_a_time_behind_the_end_is_named(clip, tmp_path, kind, params):
    with pytest.raises(MediaError, match=r"clip\.mp4.* 9 s lies behind its end"):
        run(clip, tmp_path / "out", preview_type=kind, **params)
    assert list((tmp_path / "out").iterdir()) == []


def test_bad_inputs_are_refused_by_name(clip, tmp_path):
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
                run(path, tmp_path / "out", preview_type=kind)
    with pytest.raises(LimitExceeded, match=r"clip\.mp4"):
        run(clip, tmp_path / "out", Limits(max_pixels=1000), preview_type="thumbnail")


@pytest.mark.parametrize("kind", ["gif", "mosaic", "clip"])
def test_a_cancel_ends_the_work(clip, tmp_path, kind):
    progress = Progress()
    progress.cancelled.set()
    params = PreviewParams(preview_type=kind)
    with pytest.raises(Cancelled):
        preview(Work([Source(clip, "clip.mp4")], params, tmp_path, progress=progress))


# --- parameters ---


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "preview_type"),
        ({"preview_type": "film"}, "preview_type"),
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
def test_parameters_out_of_bounds_are_refused_beforehand(params, field):
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
def test_lane_kind_and_default_length_follow_the_type(kind, lane, output, length):
    found = find_operation("preview")
    params = found.parse({"preview_type": kind})
    assert isinstance(params, PreviewParams)
    assert (found.lane(params), found.kind(params), params.length_s) == (lane, output, length)


def test_checked_parameters_can_be_stored_and_read_back():
    found = find_operation("preview")
    params = found.parse({"preview_type": "gif", "start": "00:00:30"})
    stored = params.model_dump(mode="json")
    assert stored["start"] == 30
    assert found.parse(stored) == params


def test_the_sample_has_four_corners_to_tell():
    assert len(set(CORNERS)) == 4


VIDEOS = sorted((CORPUS / "video").glob("*")) if CORPUS.exists() else []


@pytest.mark.corpus
@pytest.mark.skipif(not VIDEOS, reason="the corpus is not here")
def test_real_videos_have_thumbnails_or_a_media_error(tmp_path):
    done = 0
    for index, path in enumerate(VIDEOS):
        out = tmp_path / str(index)
        try:
            run(path, out, preview_type="thumbnail", width=64)
            done += 1
        except MediaError:
            assert list(out.iterdir()) == []
    assert done >= 0.8 * len(VIDEOS)
