"""The header of HEIF photos."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from reelyard.actors.media.codec.headers.heif import read_photo
from tests.unit.actors.media.photos import box, full_box, u32, write_avif


def test_a_photo_that_is_cut_off_anywhere_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write_avif(tmp_path / "whole.avif", Image.new("RGB", (64, 48), "red")).read_bytes()
    path = tmp_path / "cut.avif"
    sizes = set()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        photo = read_photo(path)
        sizes.add(None if photo is None else photo.shown)
    assert sizes == {None, (64, 48)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(uses=st.binary(max_size=40))
def test_what_belongs_to_the_photo_may_be_written_anyhow(tmp_path: Path, uses: bytes) -> None:
    # A count of items that the box does not hold must not be counted through.
    path = tmp_path / "odd.avif"
    shelf = box("ipco", full_box("ispe", u32(64, 48)))
    properties = box("iprp", shelf, box("ipma", uses))
    path.write_bytes(full_box("meta", full_box("pitm", b"\0\1"), properties))
    photo = read_photo(path)
    assert photo is None or photo.shown == (64, 48)
