"""The operation `optimize`: presets, formats, what was saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operation import Limits, MediaFile, Result, Source, Work
from reelyard.actors.media.operations import optimize as module
from reelyard.actors.media.operations.optimize import (
    OptimizeParams,
    add_presets,
    base_name,
    optimize,
    presets,
    transcode_settings,
)
from reelyard.actors.media.stills import ImageFormat, Still, write_still
from reelyard.actors.media.transcode.settings import TranscodeSettings, encoder_options
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import (
    BadRequest,
    CorruptMedia,
    LimitExceeded,
    UnsupportedCodec,
    UnsupportedType,
    ValidationFailed,
)


def run_optimize(path: Path, out: Path, limits: Limits | None = None, **params: object) -> Result:
    out.mkdir(exist_ok=True)
    checked = OptimizeParams.model_validate(params)
    return optimize(Work([Source(path, path.name)], checked, out, limits=limits or Limits()))


@pytest.fixture(scope="module")
def wide_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("p") / "photo.png"
    return make_sample(path, width=1501, height=801)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("c") / "clip.mov", duration_s=0.6)


@pytest.mark.parametrize(
    ("preset", "strategy", "suffix", "width", "height"),
    [
        ("web", "image-webp", ".webp", 1400, 748),
        ("mobile", "image-webp", ".webp", 900, 480),
        ("low-bandwidth", "image-avif", ".avif", 720, 384),
    ],
)
def test_an_image_takes_the_first_format_of_its_preset(
    wide_image: Path,
    tmp_path: Path,
    preset: str,
    strategy: str,
    suffix: str,
    width: int,
    height: int,
) -> None:
    result = run_optimize(wide_image, tmp_path / "out", preset=preset)
    with Image.open(result.files[0].path) as written:
        assert written.size == (width, height)
    size, before = result.files[0].path.stat().st_size, wide_image.stat().st_size
    assert result.data == {
        "kind": "image",
        "preset": preset,
        "strategy": strategy,
        "content_type": f"image/{suffix[1:]}",
        "filename": f"photo{suffix}",
        "input_bytes": before,
        "output_bytes": size,
        "saved_bytes": before - size,
        "saved_percent": round((before - size) / before * 100, 2),
        "input_width": 1501,
        "output_width": width,
    }
    assert result.files[0].path.name == f"photo{suffix}"


@pytest.mark.parametrize(
    ("preset", "strategy", "suffix", "codecs"),
    [
        ("web", "video-mp4-h264", ".mp4", ("h264", "aac")),
        ("mobile", "video-mp4-h264", ".mp4", ("h264", "aac")),
        ("low-bandwidth", "video-webm-vp9", ".webm", ("vp9", "opus")),
    ],
)
def test_a_video_takes_the_first_format_of_its_preset(
    clip: Path, tmp_path: Path, preset: str, strategy: str, suffix: str, codecs: tuple[str, str]
) -> None:
    result = run_optimize(clip, tmp_path / "out", preset=preset)
    facts, data = result.files[0].facts, result.data
    assert (facts["video_codec"], facts["audio_codec"]) == codecs
    assert (data["kind"], data["strategy"], data["filename"]) == (
        "video",
        strategy,
        f"clip{suffix}",
    )
    assert data["content_type"] == f"video/{suffix[1:]}"
    assert (data["input_width"], data["output_width"]) == (320, 320)
    assert data["input_duration_s"] == pytest.approx(0.6, abs=0.05)
    assert data["output_duration_s"] == pytest.approx(0.6, abs=0.05)
    assert facts["frames"] == 15


def test_a_wide_video_is_narrowed_to_even_sizes_and_turned_upright(tmp_path: Path) -> None:
    path = make_sample(
        tmp_path / "c.mp4", duration_s=0.2, width=640, height=1446, rotation=90, audio=False
    )
    result = run_optimize(path, tmp_path / "out", preset="web")
    facts = result.files[0].facts
    assert (facts["width"], facts["height"]) == (1400, 620)
    assert result.data["input_width"] == 1446
    assert "audio_codec" not in facts


def test_a_file_that_grows_has_saved_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tiny.webp"
    Image.new("RGB", (40, 40), "red").save(path, quality=1)
    result = run_optimize(path, tmp_path / "out")
    assert result.data["output_bytes"] >= result.data["input_bytes"]
    assert (result.data["saved_bytes"], result.data["saved_percent"]) == (0, 0)


def test_alpha_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGBA", (50, 50), (255, 0, 0, 0)).save(path)
    with Image.open(run_optimize(path, tmp_path / "out").files[0].path) as written:
        assert np.asarray(written.convert("RGBA"))[10, 10, 3] == 0


def test_the_next_format_is_tried_when_one_does_not_encode(
    wide_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def failing(still: Still, path: Path, form: ImageFormat, **more: Any) -> MediaFile:
        tried.append(form)
        if form == "webp":
            path.write_bytes(b"half")
            raise UnsupportedCodec("no encoder")
        return write_still(still, path, form, **more)

    monkeypatch.setattr(module, "write_still", failing)
    result = run_optimize(wide_image, tmp_path / "out")
    assert tried == ["webp", "avif"]
    assert result.data["strategy"] == "image-avif"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo.avif"]


def test_an_image_too_wide_for_webp_still_finds_a_format(tmp_path: Path) -> None:
    path = tmp_path / "tall.png"
    Image.new("L", (20, 17_000), 128).save(path)
    assert run_optimize(path, tmp_path / "out").data["strategy"] != "image-webp"


def test_the_last_error_is_raised_when_nothing_encodes(
    wide_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(still: Still, path: Path, form: str, **more: object) -> None:
        raise UnsupportedCodec(f"no {form}")

    monkeypatch.setattr(module, "write_still", failing)
    with pytest.raises(UnsupportedCodec, match="no jpeg"):
        run_optimize(wide_image, tmp_path / "out")


def test_a_fault_of_the_input_is_not_tried_again(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def failing(
        sources: Sequence[Source], target: Path, settings: TranscodeSettings, **more: object
    ) -> None:
        tried.append(settings.format)
        raise CorruptMedia("damaged")

    monkeypatch.setattr(module, "transcode", failing)
    with pytest.raises(CorruptMedia):
        run_optimize(clip, tmp_path / "out")
    assert tried == ["mp4"]


def test_audio_alone_and_unannounced_types_are_unsupported(
    wide_image: Path, clip: Path, tmp_path: Path
) -> None:
    audio = make_sample(tmp_path / "s.mp3", duration_s=0.3)
    for path, media in ((audio, None), (wide_image, "video"), (clip, "image")):
        with pytest.raises(UnsupportedType, match=path.name):
            run_optimize(path, tmp_path / "out", media=media)
    assert list((tmp_path / "out").iterdir()) == []


def test_bad_inputs_are_named(wide_image: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("this is text")
    with pytest.raises(CorruptMedia, match=r"text\.jpg"):
        run_optimize(text, tmp_path / "out")
    with pytest.raises(LimitExceeded, match=r"photo\.png"):
        run_optimize(wide_image, tmp_path / "out", Limits(max_pixels=1000))


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("photo.png", "photo"),
        ("my photo (1).jpeg", "my_photo__1_"),
        ("archive.tar.gz", "archive.tar"),
        ("Übergröße.mov", "_bergr__e"),
        ("a/b\\c.png", "a_b_c"),
        ("..", "media"),
        ("", "media"),
        (".png", "media"),
    ],
)
def test_output_names_are_made_harmless(name: str, base: str) -> None:
    assert base_name(name) == base


@given(st.text(max_size=60))
def test_no_name_leaves_the_folder(name: str) -> None:
    base = base_name(name)
    assert base
    assert "/" not in base
    assert not base.startswith(".")
    assert Path("folder", base + ".webp").parent == Path("folder")


def test_the_presets_have_the_published_numbers() -> None:
    numbers = {
        name: (
            preset.max_width,
            preset.image_quality,
            preset.video_crf,
            preset.video_bitrate_kbps,
            preset.audio_bitrate_kbps,
        )
        for name, preset in presets().items()
    }
    assert numbers["mobile"] == (900, 78, 28, 1200, 96)
    assert numbers["web"] == (1400, 82, 24, 2400, 128)
    assert numbers["low-bandwidth"] == (720, 72, 30, 900, 80)


def test_the_video_bitrate_bounds_what_the_quality_asks_for() -> None:
    web = presets()["web"]
    mp4, webm = (transcode_settings(web, form, 1280).video for form in ("mp4", "webm"))
    assert mp4 is not None
    assert webm is not None
    assert encoder_options(mp4, 1).items() >= {"crf": "24", "maxrate": "2400000"}.items()
    assert encoder_options(webm, 1).items() >= {"crf": "26", "b": "2100000"}.items()


def test_operators_add_presets_from_a_file(
    wide_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_presets", dict(presets()))
    own = tmp_path / "own.toml"
    own.write_text(
        "[presets.icon]\nmax_width = 64\nimage_quality = 50\navif_quality = 40\nvideo_crf = 30\n"
        'video_bitrate_kbps = 300\naudio_bitrate_kbps = 32\nimage_order = ["jpeg"]\n'
    )
    assert add_presets(own) == ["icon"]
    result = run_optimize(wide_image, tmp_path / "out", preset="icon")
    assert (result.data["strategy"], result.data["output_width"]) == ("image-jpeg", 64)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[presets.x]\nmax_width = 1\n", "max_width"),
        ("presets = 3", "presets"),
        ("not toml at all", "own.toml"),
        (None, "own.toml"),
    ],
)
def test_a_bad_preset_file_is_named_with_its_fault(
    tmp_path: Path, text: str | None, fault: str
) -> None:
    own = tmp_path / "own.toml"
    if text is not None:
        own.write_text(text)
    with pytest.raises(BadRequest, match=fault):
        add_presets(own)


def test_unknown_presets_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationFailed, match="mobile, web, low-bandwidth"):
        find_operation("optimize").parse({"preset": "huge"})


def test_announced_images_run_in_the_light_lane() -> None:
    found = find_operation("optimize")
    lanes = [found.lane(found.parse({"media": media})) for media in ("image", "video", None)]
    assert lanes == ["light", "cpu", "cpu"]
    assert found.kind(found.parse({"media": "image"})) == "image"
