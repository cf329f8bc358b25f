"""Transcoding keeps what a video shows: upright, square, progressive, in its colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from PIL import Image

from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.testing.sample_media import plane_of, read_corners
from tests.unit.actors.media.conftest import SampleMaker
from tests.unit.actors.media.videos import frames_of, numbers_of, transcode


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("hflip", [False, True])
def test_a_turned_video_comes_out_upright(
    clips: SampleMaker, tmp_path: Path, rotation: int, hflip: bool
) -> None:
    clip = clips(rotation=rotation, hflip=hflip, duration_s=0.4, audio=False)
    [file] = transcode(clip, tmp_path / "o").files
    info = probe_media(file.path).video
    assert info is not None
    assert (info.rotation, info.mirrored) == (0, False)
    assert (info.width, info.height) == ((320, 180) if rotation == 180 else (180, 320))
    expected = {
        (90, False): (1, 3, 0, 2),
        (180, False): (3, 2, 1, 0),
        (270, False): (2, 0, 3, 1),
        (90, True): (3, 1, 2, 0),
        (180, True): (2, 3, 0, 1),
        (270, True): (0, 2, 1, 3),
    }
    assert read_corners(frames_of(file.path)[3]) == expected[rotation, hflip]


def test_odd_sizes_lose_a_row_and_a_column_not_the_image(
    clips: SampleMaker, tmp_path: Path
) -> None:
    [file] = transcode(clips(width=321, height=181), tmp_path / "o").files
    assert (file.facts["width"], file.facts["height"]) == (320, 180)
    assert numbers_of(file.path) == list(range(50))


def test_hdr_becomes_standard_range(clips: SampleMaker, tmp_path: Path) -> None:
    clip = clips(hdr=True, duration_s=0.4)
    [file] = transcode(clip, tmp_path / "o", width=160).files
    info = probe_media(file.path).video
    assert info is not None
    assert (info.hdr, info.pix_fmt, info.color_transfer, info.color_primaries) == (
        None,
        "yuv420p",
        "bt709",
        "bt709",
    )
    assert numbers_of(file.path) == list(range(10))


def test_ten_bits_full_range_and_colour_tags_are_carried_over(
    clips: SampleMaker, tmp_path: Path
) -> None:
    deep = transcode(clips("a.mkv", pix_fmt="yuv420p10le"), tmp_path / "o", format="mp4").files[0]
    full = transcode(clips(full_range=True), tmp_path / "p").files[0]
    for file in (deep, full):
        info = probe_media(file.path).video
        assert info is not None
        assert (info.pix_fmt, info.color_space, info.color_range) == ("yuv420p", "bt709", "tv")
        assert read_corners(frames_of(file.path)[0]) == (0, 1, 2, 3)


def test_fields_are_joined_to_whole_frames(clips: SampleMaker, tmp_path: Path) -> None:
    clip = clips(interlaced=True, height=192)
    [file] = transcode(clip, tmp_path / "o").files
    before, after = frames_of(clip)[10], frames_of(file.path)[10]
    assert before.interlaced_frame
    assert not after.interlaced_frame
    assert file.facts["frames"] == 50

    def comb(frame: av.VideoFrame) -> float:
        luma = plane_of(frame)[40:80, 60:260].astype(int)
        return float(np.abs(luma[1:-1:2] - (luma[:-2:2] + luma[2::2]) / 2).mean())

    assert comb(after) < comb(before) * 0.8


def test_fields_are_joined_wherever_in_a_video_they_begin(
    clips: SampleMaker, tmp_path: Path
) -> None:
    parts = [clips(duration_s=0.4), clips(duration_s=0.4, interlaced=True)]
    with (tmp_path / "a.h264").open("wb") as whole:
        for number, part in enumerate(parts):
            bare = tmp_path / f"{number}.h264"
            with av.open(str(part)) as source, av.open(str(bare), "w") as out:
                copy = out.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.size:
                        packet.stream = copy
                        out.mux(packet)
            whole.write(bare.read_bytes())
    before = [frame.interlaced_frame for frame in frames_of(tmp_path / "a.h264")]
    assert before == [False] * 10 + [True] * 10
    [file] = transcode(tmp_path / "a.h264", tmp_path / "o", codec="h265").files
    assert not any(frame.interlaced_frame for frame in frames_of(file.path))
    assert numbers_of(file.path) == [*range(10), *range(10)]


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "shown"),
    [
        ("a.mov", "prores_ks", "yuva444p10le", (0, 0, 0)),
        ("a.mov", "png", "rgba", (0, 0, 0)),
        ("a.png", "apng", "rgba", (255, 255, 255)),
    ],
)
def test_clear_pixels_lie_on_black_in_videos_and_on_white_in_images_or_on_the_background(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, shown: tuple[int, int, int]
) -> None:
    red = np.zeros((64, 64, 4), np.uint8)
    red[:, :, 0] = 255
    red[:32, :, 3] = 255
    options = {"profile": "4444"} if codec == "prores_ks" else {}
    with av.open(str(tmp_path / name), "w", format="apng" if codec == "apng" else None) as out:
        stream = out.add_stream(codec, rate=10, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, pix_fmt
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(red, format="rgba")
            out.mux(stream.encode(frame.reformat(format=pix_fmt)))
        out.mux(stream.encode(None))
    wishes: list[tuple[dict[str, Any], tuple[int, int, int]]] = [
        ({}, shown),
        ({"width": 64, "height": 64, "background": "#00f"}, (0, 0, 255)),
    ]
    for number, (params, colour) in enumerate(wishes):
        [file] = transcode(tmp_path / name, tmp_path / f"{number}", **params).files
        pixels = frames_of(file.path)[1].to_ndarray(format="rgb24").astype(int)
        assert pixels[16, 32] == pytest.approx((255, 0, 0), abs=8)
        assert pixels[48, 32] == pytest.approx(colour, abs=16)


@pytest.mark.parametrize("spaces", [(1, 6), (6, 1), (5, 9), (6, None)])
def test_joined_videos_of_several_colour_spaces_come_out_in_that_of_the_first(
    tmp_path: Path, spaces: tuple[int, int | None]
) -> None:
    colour = np.full((64, 64, 3), (200, 40, 90), np.uint8)
    paths = []
    for number, space in enumerate(spaces):
        paths.append(tmp_path / f"{number}.{'png' if space is None else 'mp4'}")
        if space is None:
            Image.fromarray(colour).save(paths[-1])
            continue
        with av.open(str(paths[-1]), "w") as out:
            stream = out.add_stream("libx264", rate=10, options={"crf": "5"})
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            stream.codec_context.colorspace = space
            kind = {1: Colorspace.ITU709, 9: Colorspace.BT2020}.get(space, Colorspace.ITU601)
            frame = av.VideoFrame.from_ndarray(colour, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=kind)
            out.mux([*stream.encode(frame), *stream.encode(None)])
    [file] = transcode(paths, tmp_path / "o", crf=5).files
    frames = frames_of(file.path)
    assert [int(frame.colorspace) for frame in frames] == [spaces[0]] * 2
    for frame in frames:
        shown = frame.to_ndarray(format="rgb24").astype(int)
        assert shown[32, 32] == pytest.approx((200, 40, 90), abs=8)


def test_pixels_become_square(clips: SampleMaker, tmp_path: Path) -> None:
    from fractions import Fraction

    [file] = transcode(clips(sar=Fraction(4, 3)), tmp_path / "o").files
    info = probe_media(file.path).video
    assert info is not None
    assert (info.width, info.height, info.sar) == (426, 180, "1:1")
