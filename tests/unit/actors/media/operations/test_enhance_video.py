"""The operation `enhance` on videos: what is copied beside the audio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import (
    UnsupportedCodec,
)
from tests.unit.actors.media.audio.audio_samples import (
    read_audio,
)
from tests.unit.actors.media.enhancements import check_loudness, run_enhance


def video_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        return [bytes(packet) for packet in container.demux(video) if packet.size]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_a_video_keeps_its_frames_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    path = make_sample(tmp_path / f"talk{suffix}", duration_s=2, width=160, height=90)
    result = run_enhance(path, tmp_path / "out", target_lufs=-20)
    file = result.files[0]
    assert (file.path.name, file.kind) == (f"talk{suffix}", "video")
    assert video_packets(file.path) == video_packets(path)
    check_loudness(result, -20)
    assert file.facts["frames"] == 50


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_audio_and_video_stay_together(tmp_path: Path, suffix: str) -> None:
    path = make_sample(tmp_path / f"talk{suffix}", duration_s=3, width=160, height=90, gop=25)
    off: dict[str, Any] = {
        "dynamics": "off",
        "noise_reduction": "off",
        "hum": "off",
        "high_pass": False,
    }
    regions: list[tuple[str, dict[str, Any], float]] = [
        ("whole", {}, 0.0),
        ("part", {"start": 1.5, "end": 2.6}, 1.0),
    ]
    for name, region, shift in regions:
        result = run_enhance(path, tmp_path / name, **off, **region)
        before, rate = read_audio(path)
        after, _ = read_audio(result.files[0].path, rate)
        inside = after[0, rate // 4 : rate]
        start = int(shift * rate) + rate // 4 - 4000
        lags = np.correlate(before[0, start : start + len(inside) + 8000], inside, "valid")
        # Within half a packet of AAC, far below a frame of the video.
        assert abs(int(lags.argmax()) - 4000) <= 600
        with av.open(str(result.files[0].path)) as container:
            times = [frame.time for frame in container.decode(video=0)]
        assert times[0] == pytest.approx(0.0, abs=0.1)
    assert result.data["region"]["start"] == 1.0, "moved to the key frame"
    assert any("begins at 1.000 s, a key frame" in note for note in result.data["notes"])


def test_a_video_given_out_as_audio_loses_its_frames(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "talk.mp4", duration_s=1, width=160, height=90)
    result = run_enhance(path, tmp_path / "out", format="mp3")
    assert result.files[0].kind == "audio"
    assert result.data["notes"] == ["left out: video"]


def test_a_video_that_does_not_fit_the_container_is_refused_by_name(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "talk.mp4", duration_s=1, width=160, height=90)
    with pytest.raises(UnsupportedCodec, match=r"h264.*webm"):
        run_enhance(path, tmp_path / "out", format="webm")


def test_tags_and_cover_go_along_and_old_gain_tags_do_not(tmp_path: Path) -> None:
    tags = {"title": "A talk", "REPLAYGAIN_TRACK_GAIN": "-3 dB"}
    path = make_sample(tmp_path / "in.mp3", duration_s=1, attached_picture=True, tags=tags)
    result = run_enhance(path, tmp_path / "out")
    with av.open(str(result.files[0].path)) as container:
        assert container.metadata["title"] == "A talk"
        assert not any("replaygain" in key.lower() for key in container.metadata)
        assert len(container.streams.video) == 1
    assert result.files[0].kind == "audio"
