"""Images that FFmpeg decodes: photos of phones, and formats that Pillow does not read."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from reelyard.actors.media.codec.probe import probe_media
from reelyard.cluster.errors import CorruptMedia, UnsupportedFormat
from tests.unit.actors.media.images import is_near, opened, quadrants, run_image
from tests.unit.actors.media.photos import (
    box,
    clap,
    display_p3,
    write_avif,
    write_deep_jpeg,
    write_deep_psd,
    write_heic,
)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
P3_NUMBERS = box("colr", b"nclx\0\x0c\0\x0d\0\x06\x80")


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """The colours in the four corners: above left and right, below left and right."""
    wide, high = image.width - 2, image.height - 2
    return [
        next(c for c in (RED, GREEN, BLUE, WHITE) if is_near(image.convert("RGB"), at, c))
        for at in ((1, 1), (wide, 1), (1, high), (wide, high))
    ]


@pytest.mark.parametrize("write", [write_heic, write_avif])
@pytest.mark.parametrize(
    ("properties", "size", "seen"),
    [
        ((clap(32, 24, 64, 48, x=28, y=20),), (32, 24), [RED, GREEN, BLUE, WHITE]),
        ((box("irot", b"\1"),), (48, 64), [GREEN, WHITE, RED, BLUE]),
        ((box("imir", b"\1"),), (64, 48), [GREEN, RED, WHITE, BLUE]),
        ((box("imir", b"\0"),), (64, 48), [BLUE, WHITE, RED, GREEN]),
        (
            (clap(32, 24, 64, 48, x=28, y=20), box("irot", b"\1"), box("imir", b"\0")),
            (24, 32),
            [RED, BLUE, GREEN, WHITE],
        ),
    ],
)
def test_a_photo_is_cut_turned_and_mirrored_as_its_file_says(
    tmp_path: Path,
    write: type[object],
    properties: tuple[bytes, ...],
    size: tuple[int, int],
    seen: list[tuple[int, ...]],
) -> None:
    path = write(tmp_path / "photo", quadrants(64, 48), *properties)  # type: ignore[call-arg]
    shown = opened(run_image(path, tmp_path / "out", format="png"))  # type: ignore[arg-type]
    assert shown.size == size
    assert corners(shown) == seen
    stream = probe_media(tmp_path / "photo").video
    assert stream is not None
    assert (stream.width, stream.height) == (64, 48)
    assert (stream.display_width, stream.display_height) == size


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("colours", [P3_NUMBERS, box("colr", b"prof", display_p3())])
def test_the_colours_of_a_photo_in_display_p3_are_kept(
    tmp_path: Path, format: str, colours: bytes
) -> None:
    photo = write_heic(tmp_path / "a.heic", quadrants(), colours)
    shown = opened(run_image(photo, tmp_path / "out", format=format))
    assert shown.info["icc_profile"] == display_p3()


def test_an_avif_whose_colours_are_numbers_keeps_them(tmp_path: Path) -> None:
    photo = write_avif(tmp_path / "a.avif", quadrants(), P3_NUMBERS)
    assert opened(run_image(photo, tmp_path / "out")).info["icc_profile"] == display_p3()


def test_a_damaged_photo_is_not_passed_off_as_a_green_one(tmp_path: Path) -> None:
    photo = write_heic(tmp_path / "a.heic", quadrants(640, 480))
    data = bytearray(photo.read_bytes())
    at = data.find(b"mdat") + 200
    data[at : at + 40] = bytes(40)
    photo.write_bytes(data)
    with pytest.raises(CorruptMedia, match=r"a\.heic"):
        run_image(photo, tmp_path / "out")


def _coded(path: Path, codec: str, pix_fmt: str) -> Path:
    """Quadrants as FFmpeg's encoder writes them."""
    frame = av.VideoFrame.from_ndarray(np.asarray(quadrants()), "rgb24").reformat(format=pix_fmt)
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 64, 48, pix_fmt
    encoder.options = {"strict": "-1"}
    path.write_bytes(b"".join(bytes(p) for part in (frame, None) for p in encoder.encode(part)))
    return path


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [
        ("dpx", "rgb24"),
        ("dpx", "gbrp12be"),
        ("exr", "gbrpf32le"),
        ("hdr", "gbrpf32le"),
        ("jpegls", "rgb24"),
        ("ljpeg", "bgr24"),
        ("ljpeg", "yuvj420p"),
        ("pam", "rgb24"),
        ("pcx", "rgb24"),
        ("pfm", "gbrpf32le"),
        ("ppm", "rgb48be"),
        ("sgi", "rgb24"),
        ("sgi", "rgb48be"),
        ("sunrast", "bgr24"),
        ("xwd", "bgra"),
        ("qoi", "rgb24"),
    ],
)
def test_formats_of_film_print_and_science_are_decoded(
    tmp_path: Path, codec: str, pix_fmt: str
) -> None:
    path = _coded(tmp_path / "a.img", codec, pix_fmt)
    assert corners(opened(run_image(path, tmp_path / "out", format="png"))) == [
        RED,
        GREEN,
        BLUE,
        WHITE,
    ]
    info = probe_media(path, check=True)
    assert (info.kind, info.duration_s) == ("image", None)


def test_a_photoshop_document_of_16_bits_is_decoded(tmp_path: Path) -> None:
    path = write_deep_psd(tmp_path / "a.psd", np.asarray(quadrants()))
    assert corners(opened(run_image(path, tmp_path / "out"))) == [RED, GREEN, BLUE, WHITE]


def test_a_jpeg_of_12_bits_is_decoded(tmp_path: Path) -> None:
    path = write_deep_jpeg(tmp_path / "a.jpg", [0, 1024, 2048, 4095])
    shown = opened(run_image(path, tmp_path / "out", format="png"))
    found = [shown.getpixel((4 + 8 * number, 4)) for number in range(4)]
    assert found == pytest.approx([0, 64, 128, 255], abs=1)


def test_a_kind_of_a_format_that_nobody_decodes_is_unsupported(tmp_path: Path) -> None:
    path = write_deep_psd(tmp_path / "a.psd", np.asarray(quadrants()))
    data = bytearray(path.read_bytes())
    data[24:26] = b"\0\x09"  # Lab
    path.write_bytes(data)
    with pytest.raises(UnsupportedFormat, match="psd"):
        run_image(path, tmp_path / "out")


def test_linear_light_gets_the_curve_of_screens(tmp_path: Path) -> None:
    grey = av.VideoFrame.from_ndarray(np.full((16, 16, 3), 0.2140, np.float32), "gbrpf32le")
    encoder = av.CodecContext.create("exr", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 16, 16, "gbrpf32le"
    (tmp_path / "a.exr").write_bytes(bytes(encoder.encode(grey)[0]))
    shown = opened(run_image(tmp_path / "a.exr", tmp_path / "out", format="png"))
    assert is_near(shown, (8, 8), (127, 127, 127), by=1)
