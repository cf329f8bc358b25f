"""Messages between a worker and its codec process: msgpack, each length-prefixed."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from reelyard.actors.media.operation import Kind, Limits, MediaFile, Phase, Result
from reelyard.cluster.errors import ReelyardError, error_from_dict

MAX_FRAME_BYTES = 64 << 20
_LENGTH = struct.Struct("!I")


class Configure(msgspec.Struct, frozen=True, tag="configure"):
    """The first message to a fresh codec process."""

    operations: list[str]
    """Files or modules with further operations."""
    limits: Limits
    memory_bytes: int
    """Address space (RLIMIT_AS)."""
    file_bytes: int
    """Largest file it may write (RLIMIT_FSIZE)."""


class RunTask(msgspec.Struct, frozen=True, tag="run"):
    """Run an operation, after those sent before."""

    id: int
    operation: str
    params: dict[str, Any]
    inputs: list[tuple[str, str]]
    """(path, name that its owner gave it)."""
    out_dir: str
    threads: int
    """So many it may use."""
    cpu_s: float
    """CPU seconds that it may use."""


class CancelTask(msgspec.Struct, frozen=True, tag="cancel"):
    """Stop this task, or don't start it."""

    id: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """All operations are loaded."""

    operations: int


class Progressed(msgspec.Struct, frozen=True, tag="progress"):
    """How far the running task is; see `reelyard.actors.media.operation.Progress`."""

    id: int
    phase: Phase
    done_s: float
    total_s: float | None
    fraction: float
    ticks: int


class OutFile(msgspec.Struct, frozen=True):
    """A `MediaFile`."""

    path: str
    kind: Kind
    facts: dict[str, Any]
    content_type: str


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The task's result."""

    id: int
    files: list[OutFile]
    data: dict[str, Any]

    def as_result(self) -> Result:
        """What the operation returned."""
        files = [
            MediaFile(Path(file.path), file.kind, file.facts, file.content_type)
            for file in self.files
        ]
        return Result(files=files, data=self.data)


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The task's error. Id 0: the process itself can't start."""

    id: int
    error: dict[str, Any]
    """As `ReelyardError.as_dict` gives it."""
    internal: str | None = None
    """For the log only."""
    worn: bool = False
    """The process should not be used again (it ran out of memory)."""

    def as_error(self) -> ReelyardError:
        """What the operation raised."""
        error = error_from_dict(self.error)
        error.internal = self.internal
        return error


ToCodec = Configure | RunTask | CancelTask
FromCodec = Ready | Progressed | Finished | Failed


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()  # NumPy scalars and arrays
    raise TypeError(f"a result holds a {type(value).__name__}, which is not JSON-able")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)


def encode(message: ToCodec | FromCodec) -> bytes:
    """`message` with its length in front. Raises TypeError for what can't be encoded."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class Reader[T]:
    """Cuts a byte stream into messages of one side's type."""

    def __init__(self, kind: Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(kind)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[T]:
        """The messages that `data` completes. Raises ValueError for what no peer of ours sends."""
        self._buffer += data
        found: list[T] = []
        at = 0
        while len(self._buffer) - at >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer, at)
            if size > MAX_FRAME_BYTES:
                raise ValueError(f"a message of {size} bytes")
            start = at + _LENGTH.size
            if len(self._buffer) - start < size:
                break
            found.append(self._decoder.decode(memoryview(self._buffer)[start : start + size]))
            at = start + size
        if at:
            del self._buffer[:at]
        return found
