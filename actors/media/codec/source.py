"""An input opened safely: checked by its header before anything is decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer

from reelyard.actors.media.codec.errors import media_errors
from reelyard.actors.media.codec.headers.encryption import refuse_encrypted, refuse_scrambled
from reelyard.actors.media.codec.headers.image_headers import image_size
from reelyard.actors.media.operation import Limits, Source
from reelyard.actors.media.sniff import Sniffed
from reelyard.actors.media.truncation.promise_by_format import promise_of
from reelyard.cluster.errors import (
    CorruptMedia,
    LimitExceeded,
    NoSuchStream,
    UnsupportedCodec,
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
_WITHOUT_INDEX = {"fflags": "+ignidx"}


def tells_by_header(kind: Sniffed) -> bool:
    """Whether `open_input` with `header_only` may suffice to find and decode a frame."""
    return kind.demuxer in _TELLING and not kind.image


@contextmanager
def open_input(
    source: Source | Path,
    limits: Limits | None = None,
    *,
    name: str | None = None,
    header_only: bool = False,
    ignore_index: bool = False,
) -> Iterator[InputContainer]:
    """The open container; closed at the end of the `with` block. `name`: what a path is called.

    `header_only`: no frame is decoded to complete what the header tells. That saves the cost of
    one; pixel formats stay unknown, as do sizes and start times that no header tells.

    `ignore_index`: the index of the file is not used, as it leads to wrong places.

    PyAV's errors raised inside the block become `MediaError`s that name the file, and an
    encrypted file is said to be one. Raises what `identify` raises, `UnsupportedFormat`, and
    `LimitExceeded` for too many streams or too large frames.
    """
    limits = limits or Limits()
    if isinstance(source, Path):
        source = Source(source, name or source.name)
    path, name, kind = source.path, source.name, source.sniffed
    if not kind.demuxer:
        raise UnsupportedFormat(f"{name!r}: {kind.format} images are taken by image tasks only")
    if kind.image:
        # FFmpeg decodes an image to learn its format; one too large must not get that far.
        check_pixels(*(image_size(path, kind, name) or (0, 0)), limits, name)
    options = _NOTHING if header_only else _ROUGHLY | _pixel_limit(limits)
    if ignore_index:
        options = options | _WITHOUT_INDEX
    try:
        with media_errors(name), _opened(path, kind, options) as container:
            refuse_encrypted(container, path, kind, name)
            check_limits(container, limits, name)
            refused = [] if header_only else [s.index for s in _decodable(container) if not s.width]
            if refused:
                _explain(path, kind, refused, limits, name)
            yield container
    except (CorruptMedia, UnsupportedCodec, NoSuchStream) as error:
        refuse_scrambled(path, kind, name)
        if isinstance(error.__cause__, av.InvalidDataError):
            _refuse_without_index(path, kind, name)
        raise


def _refuse_without_index(path: Path, kind: Sniffed, name: str) -> None:
    """Raises `CorruptMedia` for a file that can't even be opened since its end is missing, and with
    it, as in many MP4 files, its index."""
    if kind.demuxer == "mov" and (missing := promise_of(path, kind).missing_bytes):
        raise CorruptMedia(
            f"{name!r} is cut off: {missing} bytes are missing, and with them the index (moov) "
            "without which nothing of it can be read",
            details={"name": name, "missing_bytes": missing},
        )


def _explain(path: Path, kind: Sniffed, refused: list[int], limits: Limits, name: str) -> None:
    """Raises `LimitExceeded` if the streams of the numbers `refused` have no size since their
    decoders found their frames too large, and not since nobody knows it."""
    with _opened(path, kind, _NOTHING) as header:
        check_limits(header, limits, name)
        if any(stream.index in refused and stream.width for stream in _decodable(header)):
            raise LimitExceeded(
                f"{name!r} has frames of another size than its header tells, of more than "
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
    for stream in _decodable(container):
        check_pixels(stream.codec_context.width, stream.codec_context.height, limits, name)
        stream.codec_context.options = _pixel_limit(limits)


def check_duration(duration_s: float, limits: Limits, name: str) -> None:
    """Raises `LimitExceeded` if the part of an input that is to be worked on is too long (s). Not
    for a look at a header, nor for single frames."""
    if duration_s > limits.max_duration_s:
        raise LimitExceeded(
            f"{name!r} is {duration_s:.0f} s long; at most {limits.max_duration_s:.0f} s are taken",
            details={
                "limit": "max_duration_s",
                "value": duration_s,
                "allowed": limits.max_duration_s,
            },
        )


def check_pixels(width: int, height: int, limits: Limits, name: str) -> None:
    """Raises `LimitExceeded` if a frame of that size (px) is too large."""
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
