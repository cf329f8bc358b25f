"""Tests of operations and of programs that use Reelyard, without a cluster.

`make_sample` makes media with known content: each frame carries its number (`read_frame_number`)
and four corners of different brightness (`read_corners`). `run_operation` runs an operation in this
process as a worker would take it; `load_operations` registers those of a file.
"""

from actors.media.catalogue import (
    load_operations,
)
from actors.testing.run_operation import (
    run_operation,
)
from actors.testing.sample_media import (
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
