"""Asking for previews, and looking at them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from PIL import Image

from actors.media.operation import Limits, Result, Source, Work
from actors.media.operations.preview import PreviewParams, preview
from actors.testing.sample_media import read_frame_number


def run(path: Path, out: Path, limits: Limits | None = None, **params: object) -> Result:
    out.mkdir(exist_ok=True)
    checked = PreviewParams.model_validate(params)
    return preview(Work([Source(path, path.name)], checked, out, limits=limits or Limits()))


def as_frame(picture: Image.Image) -> av.VideoFrame:
    return av.VideoFrame.from_image(picture.convert("RGB")).reformat(format="yuv420p")


def shown(result: Result) -> Image.Image:
    with Image.open(result.files[0].path) as picture:
        return picture.convert("RGB")


def frames_of(result: Result) -> tuple[list[Image.Image], list[int]]:
    """The frames of a GIF and how long each is shown, in ms."""
    pictures, delays = [], []
    with Image.open(result.files[0].path) as picture:
        assert picture.format == "GIF"
        for index in range(getattr(picture, "n_frames", 1)):
            picture.seek(index)
            pictures.append(picture.convert("RGB"))
            delays.append(picture.info["duration"])
    return pictures, delays


def number_of(picture: Image.Image) -> int:
    return read_frame_number(as_frame(picture))


def luma(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"), dtype=int)


def cells_of(result: Result, columns: int, rows: int) -> list[int]:
    sheet = shown(result)
    width, height = sheet.width // columns, sheet.height // rows
    return [
        number_of(sheet.crop((x * width, y * height, (x + 1) * width, (y + 1) * height)))
        for y in range(rows)
        for x in range(columns)
    ]
