"""The check of a finished file."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelyard.actors.media.codec.verify import Expect, verify_output
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import Cancelled, VerificationFailed


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("out") / "out.mp4", duration_s=1)


def test_a_file_that_is_what_was_promised_gives_its_facts(output: Path) -> None:
    facts = verify_output(
        output, Expect("h264", "aac", 320, 180, 25, 1.0, has_video=True, has_audio=True)
    )
    assert (facts["video_codec"], facts["audio_codec"]) == ("h264", "aac")
    assert (facts["width"], facts["height"], facts["frames"]) == (320, 180, 25)
    assert facts["size"] == output.stat().st_size


def test_every_difference_from_the_promise_is_named(output: Path) -> None:
    with pytest.raises(VerificationFailed, match=r"'out\.mp4' is not what was asked for") as caught:
        verify_output(output, Expect("vp9", width=640, duration_s=9.0, has_audio=False))
    assert caught.value.details["faults"] == [
        "audio is True, not False",
        "video codec is h264, not vp9",
        "width is 320, not 640",
        "it is 1.000 s long, not 9.000 s",
    ]


def test_a_file_that_cannot_be_read_back_is_refused(output: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(output.read_bytes()[:2000])
    with pytest.raises(VerificationFailed, match=r"'cut\.mp4' was written, but can't be read back"):
        verify_output(cut)


def test_a_cancel_during_the_check_stays_a_cancel(output: Path) -> None:
    def cancel() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        verify_output(output, tick=cancel)
