"""Runs of the operation `preview`, and looks at what came out."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reelyard.actors.media.operation import Limits, Result, Source, Work
from reelyard.actors.media.operations.preview import PreviewParams, preview
from reelyard.actors.testing.sample_media import read_frame_number


def run_preview(path: Path, out: Path, limits: Limits | None = None, **params: object) -> Result:
    """The preview of the file at `path`, with outputs in `out`."""
    out.mkdir(exist_ok=True)
    checked = PreviewParams.model_validate(params)
    return preview(Work([Source(path, path.name)], checked, out, limits=limits or Limits()))


def shown(result: Result) -> Image.Image:
    """The image that was written, or the first frame of the GIF."""
    with Image.open(result.files[0].path) as written:
        return written.convert("RGB")


def gif_frames_of(result: Result) -> tuple[list[Image.Image], list[int]]:
    """The frames of a GIF and how long each is shown, in ms."""
    frames, delays = [], []
    with Image.open(result.files[0].path) as gif:
        assert gif.format == "GIF"
        for index in range(getattr(gif, "n_frames", 1)):
            gif.seek(index)
            frames.append(gif.convert("RGB"))
            delays.append(gif.info["duration"])
    return frames, delays


def number_of(image: Image.Image) -> int:
    """The number that a frame of a sample shows."""
    frame = av.VideoFrame.from_ndarray(np.asarray(image.convert("RGB")), format="rgb24")
    return read_frame_number(frame.reformat(format="yuv420p"))


def luma(image: Image.Image) -> NDArray[np.int_]:
    """Brightness, 0 to 255, of each pixel."""
    return np.asarray(image.convert("L"), dtype=int)


def cell_numbers_of(result: Result, columns: int, rows: int) -> list[int]:
    """The numbers that the cells of a mosaic show, row by row."""
    mosaic = shown(result)
    width, height = mosaic.width // columns, mosaic.height // rows
    return [
        number_of(mosaic.crop((x * width, y * height, (x + 1) * width, (y + 1) * height)))
        for y in range(rows)
        for x in range(columns)
    ]


def film_of(
    path: Path, scenes: list[int | None], *, gop: int = 10, size: tuple[int, int] = (128, 96)
) -> Path:
    """A video of ten frames for each scene, 10 frames/s: of one grey level, or (None) a pattern."""
    width, height = size
    pattern = (np.indices((height, width)).sum(0) // 16 % 2 * 160 + 40).astype(np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(
            "libx264", rate=10, options={"x264-params": f"keyint={gop}:scenecut=0"}
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number, level in enumerate(level for level in scenes for _ in range(10)):
            luma = pattern if level is None else np.full_like(pattern, level)
            grey = np.concatenate([luma, np.full((height // 2, width), 128, np.uint8)])
            frame = av.VideoFrame.from_ndarray(grey, "yuv420p")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
