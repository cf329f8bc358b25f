"""PyAV's errors as Reelyard's: one table for reading, one for writing."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import av
import av.error
from av.codec.codec import UnknownCodecError

from reelyard.cluster.errors import (
    CorruptMedia,
    LimitExceeded,
    MediaError,
    OutputUnwritable,
    ReelyardError,
    SourceNotFound,
    SourceUnreadable,
    StorageFull,
    UnsupportedCodec,
    UnsupportedFormat,
)

Row = tuple[type[BaseException], type[ReelyardError], str]

_READING: Sequence[Row] = (
    (FileNotFoundError, SourceNotFound, "does not exist"),
    (IsADirectoryError, SourceUnreadable, "is a folder, not a file"),
    (NotADirectoryError, SourceNotFound, "does not exist"),
    (PermissionError, SourceUnreadable, "may not be read"),
    (av.error.DecoderNotFoundError, UnsupportedCodec, "holds a codec that has no decoder here"),
    (UnknownCodecError, UnsupportedCodec, "holds a codec that has no decoder here"),
    (av.error.DemuxerNotFoundError, UnsupportedFormat, "has a container format that is not taken"),
    (av.error.PatchWelcomeError, UnsupportedCodec, "uses a feature that its decoder lacks"),
    (NotImplementedError, UnsupportedCodec, "uses a feature that its decoder lacks"),
    (av.error.ExperimentalError, UnsupportedCodec, "holds a codec that is experimental"),
    (MemoryError, LimitExceeded, "needs more memory than a task may use"),
    (UnicodeDecodeError, CorruptMedia, "has damaged metadata"),
    (OSError, SourceUnreadable, "can't be read"),
    (EOFError, CorruptMedia, "ends too early"),
    (av.FFmpegError, CorruptMedia, "is damaged or is not media"),
)

_WRITING: Sequence[Row] = (
    (PermissionError, OutputUnwritable, "may not be written"),
    (FileNotFoundError, OutputUnwritable, "can't be written: its folder does not exist"),
    (MemoryError, LimitExceeded, "needs more memory than a task may use"),
    (OSError, OutputUnwritable, "can't be written"),
    (av.error.EncoderNotFoundError, UnsupportedCodec, "needs an encoder that is not there"),
    (UnknownCodecError, UnsupportedCodec, "needs an encoder that is not there"),
    (av.error.ArgumentError, MediaError, "was refused by the encoder or the container"),
    (av.FFmpegError, MediaError, "could not be encoded"),
)

_SAID_OF_DAMAGE = {errno.EPERM, errno.EIO}
"""Older parts of FFmpeg say -1, which is EPERM, whatever went wrong, and demuxers EIO where sizes
lead astray. What the system forbids, or can't read, has shown at the file's first bytes."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def media_errors(name: str, *, writing: bool = False) -> Iterator[None]:
    """Turn errors of PyAV and of the file system into `MediaError`s that name `name`.

    `name` is what the input (or, `writing`, the output) is called by its owner. Reelyard's own
    errors pass unchanged, and so do programming errors.
    """
    try:
        yield
    except ReelyardError:
        raise
    except (av.FFmpegError, OSError, MemoryError, EOFError, UnicodeDecodeError) as error:
        raise translate(error, name, writing=writing) from error
    except UnknownCodecError as error:
        raise translate(error, name, writing=writing) from error
    except ValueError as error:
        # What PyAV says to a packet once its decoder has failed to open.
        if "unknown codec" not in str(error):
            raise
        raise CorruptMedia(f"{name!r}: a decoder can't be opened", internal=repr(error)) from error


def translate(error: BaseException, name: str, *, writing: bool = False) -> ReelyardError:
    """The error of ours that `error` means for the file called `name`."""
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) and number in _FULL:
        return StorageFull(f"{name!r}: there is no room left on the disk", internal=repr(error))
    if number in _SAID_OF_DAMAGE and isinstance(error, av.FFmpegError) and not writing:
        return CorruptMedia(
            f"{name!r} is damaged, or of a variant that can't be read",
            details={"name": name},
            internal=repr(error),
        )
    for cls, ours, text in _WRITING if writing else _READING:
        if isinstance(error, cls):
            return ours(f"{name!r} {text}", details={"name": name}, internal=repr(error))
    return MediaError(f"{name!r} could not be processed", internal=repr(error))
