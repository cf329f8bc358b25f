"""The probe: what it finds in a file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.operation import Limits
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import CorruptMedia, LimitExceeded
from tests.unit.actors.media.images import make_animation


def test_a_file_is_described_with_its_video_and_audio(tmp_path: Path) -> None:
    info = probe_media(make_sample(tmp_path / "a.mp4", tags={"title": "Täst"}))
    assert (info.format, info.kind, info.duration_s) == ("mp4", "video", 2.0)
    assert info.tags["title"] == "Täst"
    video, audio = info.video, info.audio
    assert video is not None
    assert audio is not None
    assert (video.codec, video.width, video.height, video.fps, video.frames) == (
        "h264",
        320,
        180,
        25.0,
        50,
    )
    assert (video.color_space, video.color_range, video.bit_depth) == ("bt709", "tv", 8)
    assert (video.hdr, video.interlaced, video.rotation, video.alpha) == (None, False, 0, False)
    assert (audio.codec, audio.sample_rate, audio.channels, audio.layout) == (
        "aac",
        48_000,
        2,
        "stereo",
    )
    assert audio.language == "eng"


@pytest.mark.parametrize(
    ("suffix", "name", "kind"),
    [
        (".mov", "mov", "video"),
        (".mkv", "mkv", "video"),
        (".webm", "webm", "video"),
        (".avi", "avi", "video"),
        (".ts", "mpegts", "video"),
        (".mpg", "mpeg", "video"),
        (".mp3", "mp3", "audio"),
        (".m4a", "m4a", "audio"),
        (".aac", "aac", "audio"),
        (".flac", "flac", "audio"),
        (".wav", "wav", "audio"),
        (".ogg", "ogg", "audio"),
    ],
)
def test_each_container_is_known_by_its_bytes(
    tmp_path: Path, suffix: str, name: str, kind: str
) -> None:
    path = make_sample(tmp_path / f"a{suffix}")
    plain = path.rename(tmp_path / "noname")
    info = probe_media(plain, check=True)
    assert (info.format, info.kind) == (name, kind)
    assert info.duration_s == pytest.approx(2.0, abs=0.1)


def test_rotation_and_mirror_are_told_and_the_shown_size_is_turned(tmp_path: Path) -> None:
    video = probe_media(make_sample(tmp_path / "a.mp4", rotation=90)).video
    assert video is not None
    assert (video.rotation, video.width, video.display_width) == (90, 320, 180)
    flipped = probe_media(make_sample(tmp_path / "b.mp4", rotation=180, hflip=True)).video
    assert flipped is not None
    assert flipped.mirrored


def test_pixels_that_are_not_square_count_for_the_shown_size(tmp_path: Path) -> None:
    video = probe_media(make_sample(tmp_path / "a.mp4", sar=Fraction(4, 3))).video
    assert video is not None
    assert (video.sar, video.width, video.display_width) == ("4:3", 320, 427)


def test_hdr_ten_bits_and_interlace_are_told(tmp_path: Path) -> None:
    hdr = probe_media(make_sample(tmp_path / "a.mp4", hdr=True, duration_s=0.4)).video
    assert hdr is not None
    assert (hdr.codec, hdr.bit_depth, hdr.color_transfer, hdr.color_primaries) == (
        "hevc",
        10,
        "smpte2084",
        "bt2020",
    )
    assert hdr.hdr in ("PQ", "HDR10")
    fields = probe_media(make_sample(tmp_path / "b.mp4", interlaced=True, height=192)).video
    assert fields is not None
    assert fields.interlaced


def test_a_cover_is_not_taken_for_the_video(tmp_path: Path) -> None:
    info = probe_media(make_sample(tmp_path / "a.mp4", attached_picture=True))
    assert info.video is not None
    assert not info.video.attached_pic
    song = probe_media(make_sample(tmp_path / "a.mp3", attached_picture=True))
    assert song.kind == "audio"
    assert song.video is not None
    assert song.video.attached_pic


def test_frames_are_counted_where_the_container_does_not_tell(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.webm")
    without, counted = probe_media(path).video, probe_media(path, count=True).video
    assert without is not None
    assert counted is not None
    assert (without.frames, counted.frames) == (None, 50)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".tiff", ".bmp"])
def test_a_still_image_has_a_size_and_no_duration(tmp_path: Path, suffix: str) -> None:
    info = probe_media(make_sample(tmp_path / f"a{suffix}", width=64, height=48), check=True)
    assert info.kind == "image"
    assert info.duration_s is None
    assert info.video is not None
    assert (info.video.width, info.video.height) == (64, 48)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".avif"])
def test_an_animation_has_a_duration_and_frames(tmp_path: Path, suffix: str) -> None:
    path = make_animation(tmp_path / f"a{suffix}")
    info = probe_media(path, check=True)
    assert info.kind == "animation"
    assert info.duration_s == pytest.approx(0.5)
    assert info.video is not None
    assert info.video.frames == 5


def test_exif_orientation_turns_the_shown_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    video = probe_media(tmp_path / "a.jpg").video
    assert video is not None
    assert (video.width, video.height, video.display_width, video.rotation) == (40, 20, 20, 270)


def test_an_image_at_the_pixel_limit_passes_and_one_above_is_refused(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.png", width=64, height=48)
    assert probe_media(path, Limits(max_pixels=64 * 48)).kind == "image"
    with pytest.raises(LimitExceeded):
        probe_media(path, Limits(max_pixels=64 * 48 - 1))


def test_a_cut_off_image_is_damaged_only_once_it_is_decoded(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.jpg", width=640, height=480, keep=0.5)
    assert probe_media(path).kind == "image"
    with pytest.raises(CorruptMedia, match=r"a\.jpg"):
        probe_media(path, check=True)
