"""The frame that stands for a video: which ones are decoded to find it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelyard.actors.media.operation import Limits
from reelyard.actors.media.preview.best_frame import CLEAR, FLAT, BestFrame, contrast_of
from reelyard.actors.media.sampling.video import OpenVideo, open_video
from tests.unit.actors.media.previews import film_of
from tests.unit.actors.media.videos import source

LARGE = (640, 480)
"""So large that flat frames take little beside their size."""


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times (s) of the key frames that are decoded."""
    times: list[float] = []
    look = OpenVideo.key_frame_at

    def noted(
        video: OpenVideo, time_s: float, worth: Callable[[Any], bool] | None = None
    ) -> av.VideoFrame | None:
        frame = look(video, time_s, worth)
        if frame is not None:
            times.append(round(video.time_of(frame), 3))
        return frame

    monkeypatch.setattr(OpenVideo, "key_frame_at", noted)
    return times


def best_of(path: Path) -> tuple[float, float]:
    """The time in s of the frame that is chosen, and its contrast."""
    with open_video(source(path), Limits()) as video:
        choice = BestFrame(video)
        first = choice.first()
        assert first is not None
        best = choice.best(first)
        return round(video.time_of(best), 3), contrast_of(best)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_key_frame_that_is_the_only_one_is_decoded_once(
    tmp_path: Path, decoded: list[float], suffix: str
) -> None:
    best_of(film_of(tmp_path / f"a.{suffix}", [16, 16, 16, 16], gop=1000))
    assert decoded == [0]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_key_frames_as_small_as_the_flat_one_are_not_decoded(
    tmp_path: Path, decoded: list[float], suffix: str
) -> None:
    best_of(film_of(tmp_path / f"a.{suffix}", [16] * 16, size=LARGE))
    assert decoded == [4]


def test_small_key_frames_are_decoded_where_they_are_larger_than_the_flat_one(
    tmp_path: Path, decoded: list[float]
) -> None:
    path = film_of(tmp_path / "a.mp4", [16, 16, 16, 16, None, 16, 16, 16], size=LARGE)
    at_s, contrast = best_of(path)
    assert (at_s, contrast > CLEAR) == (4, True)
    assert decoded == [2, 4]


def test_of_two_clear_key_frames_the_first_one_is_taken(
    tmp_path: Path, decoded: list[float]
) -> None:
    at_s, _ = best_of(film_of(tmp_path / "a.mp4", [16, 16, 16, 16, None, 16, None, 16]))
    assert at_s == 4
    assert decoded == [2, 4]


def test_no_more_is_decoded_than_up_to_the_first_clear_frame(tmp_path: Path) -> None:
    path = film_of(tmp_path / "a.mp4", [16, 16, None, 235, None, None], gop=1000)
    at_s, contrast = best_of(path)
    assert 2 <= at_s < 3
    assert contrast > CLEAR


FORMS = [
    "yuv420p",
    "yuvj420p",
    "yuv420p10le",
    "yuv444p",
    "nv12",
    "yuyv422",
    "gray",
    "gray16le",
    "rgb24",
    "bgra",
    "gbrp",
    "rgb565le",
]


@pytest.mark.parametrize("form", FORMS)
def test_contrast_is_seen_in_every_form_of_samples(form: str) -> None:
    """Odd sizes too, whose rows are padded: what lies in the padding does not count."""
    flat = np.full((69, 101, 3), 90, np.uint8)
    halves = flat.copy()
    halves[:, :50] = 200
    small, large = (
        contrast_of(av.VideoFrame.from_ndarray(samples, "rgb24").reformat(format=form))
        for samples in (flat, halves)
    )
    assert small < FLAT / 4
    assert large > FLAT * 2
