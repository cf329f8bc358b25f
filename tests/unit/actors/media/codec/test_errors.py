"""PyAV's errors as Reelyard's."""

from __future__ import annotations

import errno

import av
import pytest

from reelyard.actors.media.codec.errors import media_errors, translate
from reelyard.cluster.errors import (
    CorruptMedia,
    LimitExceeded,
    MediaError,
    OutputUnwritable,
    ReelyardError,
    SourceUnreadable,
    StorageFull,
)


@pytest.mark.parametrize(
    ("error", "writing", "expected"),
    [
        (av.error.InvalidDataError(1, "x"), False, CorruptMedia),
        (av.error.PermissionError(errno.EPERM, "x"), False, CorruptMedia),
        (av.error.OSError(errno.EIO, "x"), False, CorruptMedia),
        (av.error.PermissionError(errno.EACCES, "x"), False, SourceUnreadable),
        (PermissionError(errno.EPERM, "x"), False, SourceUnreadable),
        (av.error.PermissionError(1, "x"), True, OutputUnwritable),
        (FileNotFoundError(2, "x"), True, OutputUnwritable),
        (MemoryError(), False, LimitExceeded),
        (MemoryError(), True, LimitExceeded),
        (OSError(errno.ENOSPC, "x"), True, StorageFull),
        (av.error.OSError(errno.ENOSPC, "x"), True, StorageFull),
        (OSError(errno.EIO, "x"), False, SourceUnreadable),
        (av.error.ExternalError(1, "x"), True, MediaError),
        (RuntimeError("x"), False, MediaError),
    ],
)
def test_each_error_of_pyav_has_a_class_and_names_the_file(
    error: BaseException, writing: bool, expected: type[ReelyardError]
) -> None:
    ours = translate(error, "clip.mp4", writing=writing)
    assert type(ours) is expected
    assert "clip.mp4" in ours.message


def test_programming_errors_pass_unchanged() -> None:
    with pytest.raises(KeyError), media_errors("clip"):
        raise KeyError("bug")
    with pytest.raises(ValueError, match="bug"), media_errors("clip"):
        raise ValueError("bug")
