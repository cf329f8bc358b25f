"""An opened input of a transcode."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.operation import Limits
from reelyard.actors.media.sampling.video import open_video
from reelyard.actors.media.transcode.clip import open_clip
from reelyard.actors.media.transcode.settings import TranscodeSettings, VideoSettings
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.videos import source


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("sar", [None, Fraction(4, 3), Fraction(8, 9)])
def test_a_transcode_a_preview_and_a_probe_agree_on_the_upright_size(
    tmp_path: Path, rotation: int, sar: Fraction | None
) -> None:
    path = make_sample(
        tmp_path / "a.mp4", rotation=rotation, sar=sar, duration_s=0.2, width=150, height=90
    )
    wide = round(150 * (sar or 1))
    expected = (90, wide) if rotation in (90, 270) else (wide, 90)
    settings = TranscodeSettings("mp4", VideoSettings("h264"), None)
    with open_clip(source(path), settings, Limits(), 1) as clip:
        assert clip.upright_size == expected
    with open_video(source(path), Limits()) as video:
        assert (video.width, video.height) == expected
    probed = probe_media(path).video
    assert probed is not None
    assert (probed.display_width, probed.display_height) == expected
