"""Tests of your own operations without a cluster: sample media, and a run in this process.

from reelyard.testing import make_sample, run_operation

def test_it_plays_backwards(tmp_path):
    clip = make_sample(tmp_path / "clip.mp4", duration_s=1)
    result = run_operation("reverse", [clip], out_dir=tmp_path / "out")
    assert result.files[0].facts["frames"] == 25
"""

from reelyard.actors.media.catalogue import load_operations
from reelyard.actors.testing.operation_runs import run_operation
from reelyard.actors.testing.sample_media import (
    CORNERS,
    make_sample,
    plane_of,
    read_corners,
    read_frame_number,
)

__all__ = [
    "CORNERS",
    "load_operations",
    "make_sample",
    "plane_of",
    "read_corners",
    "read_frame_number",
    "run_operation",
]
