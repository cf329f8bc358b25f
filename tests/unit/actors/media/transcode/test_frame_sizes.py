"""Videos whose pictures change their size on the way, or are to be shown in part."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.stills.ffmpeg_still import to_image
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.images import is_near, quadrants
from tests.unit.actors.media.operations.test_optimize import run_optimize
from tests.unit.actors.media.photos import add_to_sample_entry, clap
from tests.unit.actors.media.previews import gif_frames_of, run_preview, shown
from tests.unit.actors.media.videos import frames_of, transcode

SIZES = ((160, 120), (320, 240), (120, 212))
RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transport stream of 1 s in each of `SIZES`: quadrants, the last ones upright."""
    path = tmp_path_factory.mktemp("changing") / "a.ts"
    parts = b""
    for number, (width, height) in enumerate(SIZES):
        part = path.with_name(f"{number}.ts")
        with av.open(str(part), "w") as out:
            stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.asarray(quadrants(width, height)), "rgb24")
            for at in range(25):
                frame.pts, frame.time_base = number * 25 + at, stream.codec_context.time_base
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        parts += part.read_bytes()
    path.write_bytes(parts)
    return path


def _corners(image: Image.Image, left: int = 2, top: int = 2) -> list[tuple[int, ...]]:
    """The colours near the corners, `left` and `top` px inside."""
    right, low = image.width - 1 - left, image.height - 1 - top
    known = (RED, GREEN, BLUE, WHITE, BLACK)
    return [
        next((c for c in known if is_near(image, at, c, by=70)), (-1, -1, -1))
        for at in ((left, top), (right, top), (left, low), (right, low))
    ]


@pytest.mark.parametrize(
    ("fit", "left", "bars"), [("contain", 50, True), ("cover", 2, False), ("fill", 2, False)]
)
def test_every_part_is_fitted_as_is_wanted(
    tmp_path: Path, changing: Path, fit: str, left: int, bars: bool
) -> None:
    result = transcode(changing, tmp_path / "out", width=160, height=120, fit=fit)
    frames = frames_of(result.files[0].path)
    assert len(frames) == 75
    for frame in (frames[10], frames[35]):
        assert _corners(to_image(frame)) == [RED, GREEN, BLUE, WHITE]
    portrait = to_image(frames[65])
    assert _corners(portrait, left) == [RED, GREEN, BLUE, WHITE]
    assert (_corners(portrait) == [BLACK] * 4) is bars
    assert any("160 x 120, 320 x 240, 120 x 212" in note for note in result.data["notes"])


def test_nothing_is_stretched_when_a_film_is_made_small(tmp_path: Path, changing: Path) -> None:
    made = run_optimize(changing, tmp_path / "out").files[0].path
    frame = to_image(frames_of(made)[65])
    assert frame.size == (160, 120)
    assert _corners(frame) == [BLACK] * 4
    assert _corners(frame, 50) == [RED, GREEN, BLUE, WHITE]


def test_previews_of_a_part_have_its_shape_or_bars(tmp_path: Path, changing: Path) -> None:
    small = shown(run_preview(changing, tmp_path / "a", preview_type="thumbnail", timestamp=2.5))
    assert small.size == (120, 212)
    assert _corners(small) == [RED, GREEN, BLUE, WHITE]
    moving = run_preview(changing, tmp_path / "b", preview_type="gif", start=2, duration=0.9)
    last = gif_frames_of(moving)[0][-1].convert("RGB")
    assert last.size == (160, 120)
    assert _corners(last) == [BLACK] * 4
    assert _corners(last, 50) == [RED, GREEN, BLUE, WHITE]


def test_the_clean_aperture_of_a_film_is_what_is_shown(tmp_path: Path) -> None:
    video = make_sample(tmp_path / "a.mp4", width=320, height=180, duration_s=0.5, audio=False)
    whole = to_image(frames_of(video)[0])
    add_to_sample_entry(video, clap(160, 120, 320, 180, x=100, y=20))
    wanted = np.asarray(whole.crop((100, 20, 260, 140)), int)
    info = probe_media(video).video
    assert info is not None
    assert (info.width, info.height, info.display_width, info.display_height) == (
        320,
        180,
        160,
        120,
    )
    made = to_image(frames_of(transcode(video, tmp_path / "a", crf=1).files[0].path)[0])
    small = shown(run_preview(video, tmp_path / "b", preview_type="thumbnail", timestamp=0))
    for image in (made, small):
        assert image.size == (160, 120)
        assert np.abs(np.asarray(image, int) - wanted).mean() < 6
