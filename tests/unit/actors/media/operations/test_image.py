"""The operation `image`: formats, and real files."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from reelyard.actors.media.catalogue import find_operation
from reelyard.cluster.errors import (
    MediaError,
)
from tests.paths import CORPUS
from tests.unit.actors.media.images import is_near, opened, run_image


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
def test_every_format_is_written_and_named_after_the_input(
    photo: Path, tmp_path: Path, name: str, suffix: str, form: str
) -> None:
    result = run_image(photo, tmp_path / "out", format=name, quality=90)
    assert result.files[0].path == tmp_path / "out" / f"photo{suffix}"
    image = opened(result)
    assert (image.format, image.size) == (form, (64, 48))
    assert is_near(image.convert("RGB"), (10, 10), (255, 0, 0))
    assert result.files[0].kind == "image"
    assert result.files[0].facts["width"] == 64


def test_image_work_runs_in_the_light_lane() -> None:
    found = find_operation("image")
    params = found.parse({})
    assert (found.lane(params), found.kind(params)) == ("light", "image")


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
def test_real_images_are_converted_or_refused_as_they_should_be(tmp_path: Path) -> None:
    wrong = []
    for index, row in enumerate(corpus()):
        path = CORPUS / row["path"]
        out = tmp_path / str(index)
        try:
            run_image(path, out, format="webp", width=64)
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
