"""The example of an operation in a file of one's own."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operation import Operation
from reelyard.errors import BadRequest, LimitExceeded, ValidationFailed
from reelyard.testing import load_operations, make_sample, read_frame_number, run_operation
from tests.paths import EXAMPLES

EXAMPLE = EXAMPLES / "reverse_operation.py"


@pytest.fixture(scope="module")
def reverse() -> Operation:
    # The example stays in the catalogue, as it does in a worker that was told to load it.
    assert "reverse" in load_operations([str(EXAMPLE)])
    return find_operation("reverse")


def test_an_operation_from_a_file_of_ones_own_plays_a_clip_backwards(
    reverse: Operation, tmp_path: Path
) -> None:
    clip = make_sample(tmp_path / "c.mp4", duration_s=1)
    out = tmp_path / "out"
    result = run_operation(reverse.name, [clip], out_dir=out)
    assert result.files[0].path == out / "c.mp4"
    assert result.files[0].facts["frames"] == 25
    assert result.files[0].facts["audio_codec"] == "aac"
    with av.open(str(out / "c.mp4")) as container:
        numbers = [read_frame_number(frame) for frame in container.decode(video=0)]
    assert numbers == list(range(24, -1, -1))


def test_its_parameters_and_limits_are_checked_like_those_of_built_in_operations(
    reverse: Operation, tmp_path: Path
) -> None:
    with pytest.raises(ValidationFailed, match="width"):
        reverse.parse({"width": 5})
    clip = make_sample(tmp_path / "c.mp4", duration_s=31, width=64, height=48, fps=2, audio=False)
    with pytest.raises(LimitExceeded, match=r"c\.mp4.*at most 30 s"):
        run_operation(reverse.name, [clip], out_dir=tmp_path / "out")
    assert reverse.summary == "Play a short video backwards."


def test_a_file_that_can_not_be_loaded_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_that_name\n")
    with pytest.raises(BadRequest, match=r"broken\.py"):
        load_operations([str(broken)])
