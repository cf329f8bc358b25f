"""Damaged images."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelyard.cluster.errors import (
    MediaError,
)
from tests.unit.actors.media.images import opened, quadrants, run_image


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_images_give_a_media_error_or_an_image(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("d")
    path = folder / f"p.{data.draw(st.sampled_from(['png', 'jpg', 'gif', 'tif', 'webp', 'bmp']))}"
    quadrants(40, 30).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    with suppress(MediaError):
        opened(run_image(path, folder / "out", format="png", width=20))
