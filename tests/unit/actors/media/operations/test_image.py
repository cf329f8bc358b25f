from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from actors.media.operation import Limits, Source, find_operation
from actors.media.stills import still_of
from actors.media.stills.tiles import tiled_photo
from actors.testing.sample_media import make_sample
from cluster.errors import (
    CorruptMedia,
    MediaError,
)
from tests.paths import CORPUS
from tests.unit.actors.media.images import near, opened, quadrants, run


@pytest.mark.parametrize(
    ("name", "suffix", "form"),
    [
        ("jpeg", ".jpg", "JPEG"),
        ("jpg", ".jpg", "JPEG"),
        ("png", ".png", "PNG"),
        ("webp", ".webp", "WEBP"),
        ("avif", ".avif", "AVIF"),
    ],
)
def test_every_format_is_written_and_named_after_the_input(photo, tmp_path, name, suffix, form):
    result = run(photo, tmp_path / "out", format=name, quality=90)
    assert result.files[0].path == tmp_path / "out" / f"photo{suffix}"
    picture = opened(result)
    assert (picture.format, picture.size) == (form, (64, 48))
    assert near(picture.convert("RGB"), (10, 10), (255, 0, 0))
    assert result.files[0].kind == "image"
    assert result.files[0].facts["width"] == 64


@pytest.mark.parametrize(
    ("params", "size"),
    [
        ({"width": 32}, (32, 24)),
        ({"height": 12}, (16, 12)),
        ({"width": "50%"}, (32, 24)),
        ({"width": 40, "height": 40}, (40, 30)),
        ({"width": 40, "height": 40, "background": "#fff"}, (40, 40)),
        ({"width": 40, "height": 40, "fit": "cover"}, (40, 40)),
        ({"width": 41, "height": 13, "fit": "fill"}, (41, 13)),
        ({"width": 128}, (128, 96)),
        ({}, (64, 48)),
    ],
)
def test_sizes_and_fits_give_the_promised_size(photo, tmp_path, params, size):
    assert opened(run(photo, tmp_path / "out", format="png", **params)).size == size


def test_contain_lays_the_background_around_and_position_moves_the_picture(photo, tmp_path):
    picture = opened(
        run(
            photo,
            tmp_path / "out",
            format="png",
            width=64,
            height=64,
            position="top left",
            background="#123456",
        )
    )
    assert near(picture, (2, 2), (255, 0, 0))
    assert near(picture, (2, 60), (0x12, 0x34, 0x56), by=0)


def test_cover_keeps_the_part_that_position_names(photo, tmp_path):
    picture = opened(
        run(photo, tmp_path / "o", format="png", width=20, height=48, fit="cover", position="right")
    )
    assert near(picture, (10, 5), (0, 255, 0))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = quadrants(640, 480)
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    stored.save(path, exif=exif, quality=95)
    picture = opened(run(path, tmp_path / "out", format="png", width=64))
    assert picture.size == (64, 48)
    for at, colour in (
        ((10, 10), (255, 0, 0)),
        ((54, 10), (0, 255, 0)),
        ((10, 38), (0, 0, 255)),
        ((54, 38), (255, 255, 255)),
    ):
        assert near(picture, at, colour)
    assert 0x0112 not in picture.getexif()


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif"])
def test_the_icc_profile_is_kept_and_other_metadata_is_not(tmp_path, name):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "a camera with an owner"
    path = tmp_path / "p.jpg"
    quadrants().save(path, icc_profile=profile, exif=exif)
    picture = opened(run(path, tmp_path / "out", format=name))
    assert picture.info["icc_profile"] == profile
    assert 0x010F not in picture.getexif()


def clear_corner(path: Path) -> Path:
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[:] = (255, 0, 0, 255)
    pixels[:20, :20, 3] = 0
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("name", ["png", "webp", "avif"])
def test_alpha_is_kept_where_the_format_can(tmp_path, name):
    picture = opened(run(clear_corner(tmp_path / "a.png"), tmp_path / "out", format=name, width=20))
    assert picture.mode == "RGBA"
    alpha = picture.getchannel("A")
    assert alpha.getpixel((4, 4)) <= 8
    assert alpha.getpixel((15, 15)) >= 247


@pytest.mark.parametrize(
    ("background", "expected"), [(None, (255, 255, 255)), ("#00f", (0, 0, 255))]
)
def test_jpeg_lays_alpha_on_the_background(tmp_path, background, expected):
    picture = opened(
        run(clear_corner(tmp_path / "a.png"), tmp_path / "out", quality=95, background=background)
    )
    assert picture.mode == "RGB"
    assert near(picture, (5, 5), expected)
    assert near(picture, (30, 30), (254, 0, 0))


def test_clear_pixels_do_not_colour_their_neighbours_when_scaled(tmp_path):
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, ::2] = (255, 255, 255, 255)
    pixels[:, 1::2] = (0, 0, 0, 0)
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    picture = opened(run(path, tmp_path / "out", format="png", width=16))
    assert np.asarray(picture)[:, 2:-2, :3].min() >= 250


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("1", ".png"),
        ("L", ".png"),
        ("LA", ".png"),
        ("P", ".gif"),
        ("CMYK", ".jpg"),
        ("CMYK", ".tif"),
        ("I;16", ".png"),
        ("I", ".tif"),
        ("F", ".tif"),
        ("YCbCr", ".jpg"),
        ("LAB", ".tif"),
        ("RGBA", ".webp"),
        ("RGB", ".avif"),
        ("RGB", ".bmp"),
        ("RGB", ".tga"),
        ("RGB", ".jp2"),
    ],
)
@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_every_mode_of_a_picture_is_taken(tmp_path, mode, suffix, name):
    grey = np.tile(np.linspace(0, 255, 32, dtype=np.uint8), (32, 1))
    if mode == "I;16":
        source = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode in ("I", "F"):
        source = Image.fromarray(grey.astype(np.int32 if mode == "I" else np.float32) * 1000)
    elif mode == "LAB":
        srgb, lab = (ImageCms.createProfile(space) for space in ("sRGB", "LAB"))
        transform = ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
        source = ImageCms.applyTransform(Image.fromarray(grey).convert("RGB"), transform)
    else:
        source = Image.fromarray(grey).convert(mode)
    path = tmp_path / f"p{suffix}"
    source.save(path)
    picture = opened(run(path, tmp_path / "out", format=name, quality=95)).convert("L")
    row = np.asarray(picture, dtype=int)[16]
    assert row[2] < 60
    assert row[29] > 195


def test_an_animated_picture_gives_its_first_frame(tmp_path):
    path = tmp_path / "a.gif"
    first, second = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    first.save(path, save_all=True, append_images=[second], duration=100)
    assert near(
        opened(run(path, tmp_path / "out", format="png")).convert("RGB"), (9, 9), (254, 0, 0)
    )


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size(tmp_path, monkeypatch):
    path = tmp_path / "large.jpg"
    quadrants(4000, 3000).save(path)
    drafted = []
    plain = Image.Image.resize
    monkeypatch.setattr(
        Image.Image,
        "resize",
        lambda self, *args, **more: drafted.append(self.size) or plain(self, *args, **more),
    )
    assert opened(run(path, tmp_path / "out", width=400)).size == (400, 300)
    assert drafted[0] == (1000, 750)


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_lower_quality_makes_smaller_files(tmp_path, name):
    path = make_sample(tmp_path / "s.png", width=320, height=240)
    sizes = [
        run(path, tmp_path / "out", format=name, quality=quality).files[0].facts["size"]
        for quality in ("very_low", "low", "medium", "high", "very_high", 100)
    ]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == len(sizes)


def test_a_video_gives_the_frame_at_start_upright(tmp_path):
    clip = make_sample(tmp_path / "c.mp4", duration_s=1, rotation=90, audio=False)
    first = opened(run(clip, tmp_path / "out", format="png"))
    later = opened(run(clip, tmp_path / "later", format="png", start=0.8, width=90))
    assert first.size == (180, 320)
    assert later.size == (90, 160)
    luma = np.asarray(first.convert("L"), dtype=int)
    corners = [luma[y, x] for y in (4, -5) for x in (4, -5)]
    # As stored they darken from top left to bottom right, row by row; shown, they are turned
    # anticlockwise.
    assert np.argsort(corners).tolist() == [1, 3, 0, 2]


def test_a_start_behind_the_end_of_a_video_is_refused(tmp_path):
    clip = make_sample(tmp_path / "c.mp4", duration_s=1, audio=False)
    with pytest.raises(MediaError, match="behind its end"):
        run(clip, tmp_path / "out", start=99)


def test_image_work_runs_in_the_light_lane():
    found = find_operation("image")
    params = found.parse({})
    assert (found.lane(params), found.kind(params)) == ("light", "image")


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_a_photo_made_of_tiles_is_put_together():
    path = CORPUS / "image" / "sofa_grid1x5_420.avif"
    photo = tiled_photo(Source(path, path.name), Limits())
    assert photo is not None
    found = np.asarray(still_of(*photo).image, dtype=float)
    with Image.open(path) as picture:
        wanted = np.asarray(picture.convert("RGB"), dtype=float)
    assert found.shape == wanted.shape == (770, 1024, 3)
    assert 10 * np.log10(255**2 / ((found - wanted) ** 2).mean()) > 30


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_a_photo_that_lost_tiles_is_damaged(tmp_path):
    with pytest.raises(CorruptMedia, match=r"bitflip\.heic.*tiles are lost"):
        run(CORPUS / "broken" / "mutated" / "bitflip.heic", tmp_path / "out")


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_a_heic_photo_is_converted_in_full_size(tmp_path):
    path = CORPUS / "image" / "sample_still_photo.heic"
    assert opened(run(path, tmp_path / "out", format="webp")).size == (1080, 1920)


def corpus() -> list[dict[str, str]]:
    manifest = CORPUS / "MANIFEST.tsv"
    if not manifest.exists():
        return []
    suffixes = {
        *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".heic", ".tif", ".tiff", ".svg"),
        *(".bmp", ".ico", ".icns", ".jp2", ".j2k", ".dds", ".psd", ".sgi", ".tga", ".qoi", ".svgz"),
    }
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [row for row in rows if Path(row["path"]).suffix.lower() in suffixes]


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_real_pictures_are_converted_or_refused_as_they_should_be(tmp_path):
    wrong = []
    for index, row in enumerate(corpus()):
        path = CORPUS / row["path"]
        out = tmp_path / str(index)
        try:
            run(path, out, format="webp", width=64)
            outcome = "done"
        except MediaError as error:
            outcome = error.code
            assert list(out.iterdir()) == []
        allowed = {
            "must_succeed": outcome == "done",
            "must_fail": outcome != "done",
            "unsupported_clean": outcome.startswith("unsupported"),
        }
        if not allowed.get(row["outcome"], True):
            wrong.append((row["path"], row["outcome"], outcome))
    assert wrong == []
