"""The format of a file by its first bytes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.media.sniff import identify, sniff
from cluster.errors import MediaError, SourceNotFound, SourceUnreadable


def test_missing_files_folders_and_devices_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"gone\.mp4"):
        identify(tmp_path / "gone.mp4")
    with pytest.raises(SourceNotFound):
        identify(tmp_path / "gone.mp4" / "deeper.mp4")
    with pytest.raises(SourceUnreadable, match="folder"):
        identify(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(SourceUnreadable, match="regular"):
        identify(tmp_path / "pipe.mp4")


@given(st.binary(max_size=3000))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_either_identified_or_refused_as_media_errors(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.bin"
    path.write_bytes(data)
    with path.open("rb") as file, suppress(MediaError):
        assert sniff(file, "fuzz").format


def test_a_file_name_that_no_system_allows_does_not_exist() -> None:
    with pytest.raises(SourceNotFound):
        identify(Path("a\0b.mp4"))


@pytest.mark.parametrize(
    ("first_bytes", "format"),
    [
        (b"\0\0\0\1\x09\xf0", "h264"),
        (b"\0\0\0\1\x67\x64", "h264"),
        (b"\0\0\1\x06\x05\xff", "h264"),
        (b"\0\0\0\1\x40\1", "hevc"),
        (b"\0\0\1\x46\1\x50", "hevc"),
        (b"\0\0\1\xba\x44\0", "mpeg"),
    ],
)
def test_bare_streams_are_known_by_their_first_unit(
    tmp_path: Path, first_bytes: bytes, format: str
) -> None:
    (tmp_path / "a").write_bytes(first_bytes + bytes(100))
    assert identify(tmp_path / "a").format == format
