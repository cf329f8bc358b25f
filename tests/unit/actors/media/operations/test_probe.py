"""What probing finds."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operation import Limits, Work
from reelyard.actors.media.operations.probe import ProbeParams, probe
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.previews import run_preview
from tests.unit.actors.media.videos import source


def test_the_operation_gives_json_and_no_file(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mkv", audio_tracks=3)
    work = Work([source(path)], ProbeParams(count_frames=True), tmp_path)
    result = probe(work)
    data = json.loads(json.dumps(result.data))
    assert result.files == []
    assert (data["name"], data["width"], data["frames"], data["audio_tracks"]) == (
        "a.mkv",
        320,
        50,
        3,
    )
    assert [stream["language"] for stream in data["streams"][1:]] == ["eng", "deu", "fra"]
    assert find_operation("probe").lane(work.params) == "light"


def test_tags_are_text_that_can_be_stored_whatever_the_file_says(tmp_path: Path) -> None:
    audio = make_sample(tmp_path / "a.flac", tags={"title": "teXXtitle"})
    audio.write_bytes(audio.read_bytes().replace(b"teXXtitle", b"te\xff\xfetitle"))
    told = PngInfo()
    told.add_itxt("Comment", "one", lang="en")
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png", pnginfo=told)
    tags: dict[str, str] = {}
    for path in (audio, tmp_path / "a.png"):
        result = probe(Work([source(path)], ProbeParams(), tmp_path))
        tags |= msgspec.json.decode(msgspec.json.encode(result.data))["tags"]
    assert tags["title"] == "te\ufffd\ufffdtitle"
    assert tags["Comment"] == "one"


def test_a_look_at_a_film_is_not_refused_for_its_length(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mp4", duration_s=2)
    limits = Limits(max_duration_s=1)
    made = probe(Work([source(path)], ProbeParams(), tmp_path, limits=limits))
    assert made.data["duration_s"] == 2
    for kind in ("thumbnail", "mosaic", "gif"):
        assert run_preview(path, tmp_path / kind, limits, preview_type=kind).files
