"""Composition of stills: size, position, background."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.actors.media.images import is_near, opened, run_image


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
def test_sizes_and_fits_give_the_promised_size(
    photo: Path, tmp_path: Path, params: dict[str, Any], size: tuple[int, int]
) -> None:
    assert opened(run_image(photo, tmp_path / "out", format="png", **params)).size == size


def test_contain_lays_the_background_around_and_position_moves_the_image(
    photo: Path, tmp_path: Path
) -> None:
    image = opened(
        run_image(
            photo,
            tmp_path / "out",
            format="png",
            width=64,
            height=64,
            position="top left",
            background="#123456",
        )
    )
    assert is_near(image, (2, 2), (255, 0, 0))
    assert is_near(image, (2, 60), (0x12, 0x34, 0x56), by=0)


def test_cover_keeps_the_part_that_position_names(photo: Path, tmp_path: Path) -> None:
    image = opened(
        run_image(
            photo, tmp_path / "o", format="png", width=20, height=48, fit="cover", position="right"
        )
    )
    assert is_near(image, (10, 5), (0, 255, 0))


def test_clear_pixels_do_not_colour_their_neighbours_when_scaled(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, ::2] = (255, 255, 255, 255)
    pixels[:, 1::2] = (0, 0, 0, 0)
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    image = opened(run_image(path, tmp_path / "out", format="png", width=16))
    assert np.asarray(image)[:, 2:-2, :3].min() >= 250
