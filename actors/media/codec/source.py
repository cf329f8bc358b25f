"""Opening an input safely: checked by its header before anything is decoded."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer

from actors.media.codec.errors import media_errors
from actors.media.codec.image_headers import picture_size
from actors.media.codec.sniff import Sniffed, sniff
from actors.media.operation import Limits
from cluster.errors import (
    EmptySource,
    LimitExceeded,
    NoSuchStream,
    SourceNotFound,
    SourceUnreadable,
    UnsupportedFormat,
)

_INT_MAX = 2**31 - 1
_OPTIONS = {"protocol_whitelist": "file,pipe,crypto,data"}
# Where the tables in the header tell the frame rate, FFmpeg need not read and decode dozens of
# frames for it.
_TABLED = {"mov": {"fpsprobesize": "0"}}
# FFmpeg decodes a first frame to learn its pixel format; nobody looks at that one.
_ROUGHLY = {"skip_loop_filter": "all"}
_TELLING = frozenset({"mov", "matroska", "mpegts"})
_NOTHING = {"codec_whitelist": "none"}


def identify(path: Path, name: str | None = None) -> Sniffed:
    """What the file is, by its first bytes; no decoder and no demuxer is touched.

    Raises `SourceNotFound`, `SourceUnreadable` (a folder, a device, no permission), `EmptySource`,
    `UnsupportedFormat` or `CorruptMedia`. `name` is what the file is called in messages.
    """
    name = name or path.name
    try:
        mode = path.stat()
        if stat.S_ISDIR(mode.st_mode):
            raise SourceUnreadable(f"{name!r} is a folder, not a file")
        if not stat.S_ISREG(mode.st_mode):
            raise SourceUnreadable(f"{name!r} is not a regular file")
        if mode.st_size == 0:
            raise EmptySource(f"{name!r} is empty")
        with path.open("rb") as file:
            return sniff(file, name)
    except (FileNotFoundError, NotADirectoryError):
        raise SourceNotFound(f"{name!r} does not exist") from None
    except ValueError:
        raise SourceNotFound(f"{name!r} is not a possible file name") from None
    except OSError as error:
        raise SourceUnreadable(f"{name!r} can't be read", internal=repr(error)) from None


def tells_by_header(kind: Sniffed) -> bool:
    """Whether `open_input` with `header_only` may suffice to find and decode a frame."""
    return kind.demuxer in _TELLING and not kind.image


@contextmanager
def open_input(
    path: Path,
    limits: Limits | None = None,
    *,
    name: str | None = None,
    header_only: bool = False,
) -> Iterator[InputContainer]:
    """The open container; closed at the end of the `with` block.

    `header_only`: no frame is decoded to complete what the header tells. That saves the cost of
    one; pixel formats stay unknown, as do sizes and start times that no header tells.

    PyAV's errors raised inside the block become `MediaError`s that call the file `name`. Raises
    what `identify` raises, and `LimitExceeded` for too many streams, too large pictures or too
    long a duration as the header tells.
    """
    limits = limits or Limits()
    name = name or path.name
    kind = identify(path, name)
    if not kind.demuxer:
        raise UnsupportedFormat(f"{name!r}: {kind.format} pictures are taken by picture tasks only")
    if kind.image:
        # FFmpeg decodes a picture to learn its format; one too large must not get that far.
        check_pixels(*(picture_size(path, name) or (0, 0)), limits, name)
    options = _NOTHING if header_only else _ROUGHLY | _pixel_limit(limits)
    with media_errors(name), _opened(path, kind, options) as container:
        check_limits(container, limits, name)
        refused = [] if header_only else [s.index for s in _decodable(container) if not s.width]
        if refused:
            _explain(path, kind, refused, limits, name)
        yield container


def _explain(path: Path, kind: Sniffed, refused: list[int], limits: Limits, name: str) -> None:
    """Raises `LimitExceeded` if the streams of the numbers `refused` have no size since their
    decoders found their pictures too large, and not since nobody knows it."""
    with _opened(path, kind, _NOTHING) as header:
        check_limits(header, limits, name)
        if any(stream.index in refused and stream.width for stream in _decodable(header)):
            raise LimitExceeded(
                f"{name!r} has pictures of another size than its header tells, of more than "
                f"{limits.max_pixels} pixels",
                details={"limit": "max_pixels", "allowed": limits.max_pixels},
            )


def _opened(path: Path, kind: Sniffed, options: Mapping[str, str]) -> InputContainer:
    more = _TABLED.get(kind.demuxer, {})
    return av.open(
        str(path.absolute()), "r", format=kind.demuxer, options={**_OPTIONS, **more, **options}
    )


def _pixel_limit(limits: Limits) -> dict[str, str]:
    """The decoders' own limit, as options of a container or a decoder."""
    return {"max_pixels": str(min(limits.max_pixels, _INT_MAX))}


def _decodable(container: InputContainer) -> list[av.VideoStream]:
    # PyAV leaves out the context where FFmpeg has no decoder, whatever its stubs say.
    return [s for s in container.streams.video if getattr(s, "codec_context", None) is not None]


def check_limits(container: InputContainer, limits: Limits, name: str) -> None:
    """Raises `LimitExceeded` or, without streams, `NoSuchStream`; arms the decoders' own limit."""
    count = len(container.streams)
    if count == 0:
        raise NoSuchStream(f"{name!r} has no streams")
    if count > limits.max_streams:
        raise LimitExceeded(
            f"{name!r} has {count} streams; at most {limits.max_streams} are taken",
            details={"limit": "max_streams", "value": count, "allowed": limits.max_streams},
        )
    duration_s = (container.duration or 0) / av.time_base
    if duration_s > limits.max_duration_s:
        raise LimitExceeded(
            f"{name!r} is {duration_s:.0f} s long; at most {limits.max_duration_s:.0f} s are taken",
            details={
                "limit": "max_duration_s",
                "value": duration_s,
                "allowed": limits.max_duration_s,
            },
        )
    for stream in _decodable(container):
        check_pixels(stream.codec_context.width, stream.codec_context.height, limits, name)
        stream.codec_context.options = _pixel_limit(limits)


def check_pixels(width: int, height: int, limits: Limits, name: str) -> None:
    """Raises `LimitExceeded` if a picture of that size (px) is too large."""
    if width * height > limits.max_pixels:
        raise LimitExceeded(
            f"{name!r} is {width} x {height} pixels; at most {limits.max_pixels} pixels are taken",
            details={
                "limit": "max_pixels",
                "value": width * height,
                "allowed": limits.max_pixels,
            },
        )


def check_output_pixels(width: int, height: int, limits: Limits, name: str) -> None:
    """Raises `LimitExceeded` if what is made of the input would be too large (px)."""
    if width * height > limits.max_pixels:
        raise LimitExceeded(
            f"{name!r} would become {width} x {height} pixels; at most {limits.max_pixels} pixels "
            "are made",
            details={
                "limit": "max_pixels",
                "value": width * height,
                "allowed": limits.max_pixels,
            },
        )
