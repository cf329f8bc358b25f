"""Handing files on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operation import Source, Work
from reelyard.actors.media.operations.export import ExportParams, export
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import EmptySource, SourceNotFound, ValidationFailed


def work(tmp_path: Path, *sources: Source, **params: Any) -> Work[ExportParams]:
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    return Work(list(sources), ExportParams(**params), out)


def test_a_file_is_handed_on_unchanged_with_its_facts(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mp4")
    [file] = export(work(tmp_path, Source(path, "My video.mp4"))).files
    assert file.path.name == "My video.mp4"
    assert file.path.read_bytes() == path.read_bytes()
    assert (file.kind, file.facts["width"], file.mime) == ("video", 320, "video/mp4")


def test_a_file_that_is_no_media_is_handed_on_too(tmp_path: Path) -> None:
    (tmp_path / "a.vtt").write_text("WEBVTT\n")
    [file] = export(work(tmp_path, Source(tmp_path / "a.vtt", "a.vtt"), name="b.vtt")).files
    assert (file.path.name, file.kind, file.facts) == ("b.vtt", "data", {})


def test_files_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(folder)
    sources = [Source(tmp_path / folder / "a.txt", "a.txt") for folder in ("x", "y")]
    files = export(work(tmp_path, *sources)).files
    assert [file.path.read_text() for file in files] == ["x", "y"]
    assert len({file.path for file in files}) == 2


def test_a_link_is_followed_not_copied(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.txt")
    [file] = export(work(tmp_path, Source(tmp_path / "link.txt", "a.txt"))).files
    assert not file.path.is_symlink()


def test_what_is_handed_on_does_not_change_with_the_original(tmp_path: Path) -> None:
    original = tmp_path / "a.txt"
    original.write_text("before")
    [file] = export(work(tmp_path, Source(original, "a.txt"))).files
    with original.open("w") as same:
        same.write("after")
    assert file.path.read_text() == "before"


def test_missing_and_empty_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"gone\.mp4"):
        export(work(tmp_path, Source(tmp_path / "gone.mp4", "gone.mp4")))
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(EmptySource):
        export(work(tmp_path, Source(tmp_path / "empty.mp4", "empty.mp4")))


@pytest.mark.parametrize("name", ["../a", "a/b", "..", "", "/etc/passwd", "a\0b"])
def test_names_with_folders_are_refused(name: str) -> None:
    if name:
        with pytest.raises(ValidationFailed, match="name"):
            find_operation("export").parse({"name": name})
