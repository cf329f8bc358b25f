"""Outputs on their way to this machine's disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelyard.api.client.files import copy_file
from reelyard.cluster.errors import OutputUnwritable, SourceNotFound


def test_an_output_on_this_disk_is_copied_or_refused(tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(b"jpeg")
    copy_file(source, tmp_path / "b.jpg")
    assert (tmp_path / "b.jpg").read_bytes() == b"jpeg"
    copy_file(source, source)
    assert source.read_bytes() == b"jpeg"
    with pytest.raises(OutputUnwritable, match="nowhere"):
        copy_file(source, tmp_path / "nowhere" / "c.jpg")
    with pytest.raises(SourceNotFound, match="gone"):
        copy_file(tmp_path / "gone.jpg", tmp_path / "c.jpg")
