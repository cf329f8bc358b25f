"""What an operation is, and the catalogue of those that are installed.

An operation is one file: a pydantic model of its parameters (bounds, units, defaults: they become
the HTTP schema and the command line's help), and a function from local input files to local output
files. Registering it makes it reachable from every surface:

    class ReverseParams(Params):
        '''Play it backwards.'''
        audio: bool = Field(True, description="reverse the sound too")

    @operation("reverse", params=ReverseParams, lane="cpu", kind="video")
    def reverse(work: Work[ReverseParams]) -> Result:
        ...

The function runs in a codec process: it may block, use `work.threads` threads, write below
`work.out_dir` only, and must call `work.progress` now and then (cheap: call it once a packet or
frame); that call raises `Cancelled` when the job is to stop.
"""

from __future__ import annotations

import importlib
import importlib.util
import mimetypes
import pkgutil
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from cluster.errors import (
    BadRequest,
    Cancelled,
    InvalidInput,
    UnknownOperation,
    ValidationFailed,
)

Lane = Literal["light", "cpu"]
Kind = Literal["video", "audio", "image", "animation", "data"]
PhaseName = Literal["fetch", "decode", "encode", "package", "store"]


class Params(BaseModel):
    """Base of every operation's parameters: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Source:
    """An input, already local. `name` is the file name that its owner gave it."""

    path: Path
    name: str

    @property
    def stem(self) -> str:
        """`name` without its last suffix: what outputs are called after."""
        return Path(self.name).stem or "output"


@dataclass(frozen=True)
class Limits:
    """Bounds on what media may ask of a worker; checked from the header, and while it runs."""

    max_pixels: int = 100_000_000
    max_streams: int = 64
    max_duration_s: float = 12 * 3600
    max_frames: int = 2_600_000
    max_output_bytes: int = 64 << 30


@dataclass
class Progress:
    """How far the work is. The codec process reads it a few times a second; writing is cheap."""

    phase: PhaseName = "decode"
    done_s: float = 0.0
    """Media seconds processed."""
    total_s: float | None = None
    fraction: float = 0.0
    """0 to 1, where media time says nothing; the larger of the two counts."""
    ticks: int = 0
    """Rises with every call: the sign of life that the stall watchdog looks at."""
    cancelled: threading.Event = field(default_factory=threading.Event)

    def __call__(
        self,
        phase: PhaseName | None = None,
        *,
        done_s: float | None = None,
        total_s: float | None = None,
        fraction: float | None = None,
    ) -> None:
        """Note progress. Raises `Cancelled` when the work is to stop."""
        if self.cancelled.is_set():
            raise Cancelled
        self.ticks += 1
        if phase is not None:
            self.phase = phase
        if done_s is not None:
            self.done_s = done_s
        if total_s is not None:
            self.total_s = total_s
        if fraction is not None:
            self.fraction = fraction


@dataclass(frozen=True)
class Work[P: Params]:
    """One call of an operation."""

    inputs: Sequence[Source]
    params: P
    out_dir: Path
    """An empty folder of this attempt; outputs go directly into it."""
    threads: int = 1
    limits: Limits = field(default_factory=Limits)
    progress: Progress = field(default_factory=Progress)

    @property
    def input(self) -> Source:
        """The first input."""
        return self.inputs[0]


@dataclass(frozen=True)
class MediaFile:
    """A file that the operation wrote into `out_dir`."""

    path: Path
    kind: Kind
    facts: dict[str, Any] = field(default_factory=dict)
    """width, height (px), duration_s, frames, codecs …, as verified."""
    content_type: str = ""

    @property
    def mime(self) -> str:
        """`content_type`, or what the file's suffix means."""
        return self.content_type or mime_of(self.path.name)


@dataclass(frozen=True)
class Result:
    """Files in the order in which they matter, and JSON-able data."""

    files: list[MediaFile] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)


_MIME = {
    ".mp4": "video/mp4",
    ".m4a": "audio/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".opus": "audio/ogg",
    ".ogg": "audio/ogg",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
    ".aac": "audio/aac",
    ".mp3": "audio/mpeg",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".json": "application/json",
    ".vtt": "text/vtt",
}


def mime_of(name: str) -> str:
    """The content type of a file name."""
    suffix = Path(name).suffix.lower()
    return _MIME.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


@dataclass(frozen=True)
class Operation:
    """An entry of the catalogue."""

    name: str
    summary: str
    params: type[Params]
    run: Callable[[Work[Any]], Result]
    lane: Callable[[Any], Lane]
    kind: Callable[[Any], Kind]
    min_inputs: int = 1
    max_inputs: int = 1
    credits: int = 1

    def describe(self) -> dict[str, Any]:
        """Name, summary, price, and how many inputs it takes, for every surface alike."""
        return {
            "name": self.name,
            "summary": self.summary,
            "credits": self.credits,
            "min_inputs": self.min_inputs,
            "max_inputs": self.max_inputs,
        }

    def parse(self, params: dict[str, Any]) -> Params:
        """`params` checked and completed. Raises `ValidationFailed` naming every fault."""
        try:
            return self.params.model_validate(params)
        except ValidationError as error:
            raise validation_failed(self.name, error) from None


def validation_failed(what: str, error: ValidationError) -> ValidationFailed:
    """pydantic's error as ours: `details["errors"]` is a list of {loc, msg, type}."""
    faults = [
        {"loc": list(fault["loc"]), "msg": fault["msg"], "type": fault["type"]}
        for fault in error.errors(include_url=False, include_context=False)
    ]
    text = "; ".join(
        ": ".join(filter(None, [".".join(map(str, fault["loc"])), _sentence(str(fault["msg"]))]))
        for fault in faults
    )
    return ValidationFailed(f"{what}: {text}", details={"errors": faults})


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ")


_catalogue: dict[str, Operation] = {}


def operation[P: Params](
    name: str,
    *,
    params: type[P],
    lane: Lane | Callable[[P], Lane] = "cpu",
    kind: Kind | Callable[[P], Kind] = "video",
    inputs: tuple[int, int] = (1, 1),
    credits: int = 1,
) -> Callable[[Callable[[Work[P]], Result]], Callable[[Work[P]], Result]]:
    """Register a function as an operation.

    `lane` and `kind` may depend on the parameters. `inputs` is the least and the most number of
    input files. The summary is the first line of the parameters' docstring.
    """
    if not name.replace("_", "").isalnum() or not name.islower():
        raise ValueError(f"an operation's name is lower_case, not {name!r}")
    if isinstance(kind, str) and kind not in get_args(Kind):
        raise ValueError(f"kind must be one of {get_args(Kind)}, not {kind!r}")

    def register(function: Callable[[Work[P]], Result]) -> Callable[[Work[P]], Result]:
        summary = (params.__doc__ or name).strip().splitlines()[0]
        _catalogue[name] = Operation(
            name=name,
            summary=summary,
            params=params,
            run=function,
            lane=lane if callable(lane) else lambda _: lane,
            kind=kind if callable(kind) else lambda _: kind,
            min_inputs=inputs[0],
            max_inputs=inputs[1],
            credits=credits,
        )
        return function

    return register


def load_operations(extra: Sequence[str] = ()) -> dict[str, Operation]:
    """Import every built-in operation and those that `extra` names (files or modules).

    Returns the catalogue by name. Raises `BadRequest` when an extra one can't be loaded.
    """
    from actors.media import operations

    for module in pkgutil.iter_modules(operations.__path__):
        importlib.import_module(f"{operations.__name__}.{module.name}")
    for name in extra:
        _load_extra(name)
    return _catalogue


def _load_extra(name: str) -> None:
    module_name = f"reelyard_operation_{Path(name).stem}" if name.endswith(".py") else name
    if module_name in sys.modules:
        return
    try:
        if not name.endswith(".py"):
            importlib.import_module(name)
            return
        spec = importlib.util.spec_from_file_location(module_name, name)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(module_name, None)
        raise BadRequest(f"operations: {name!r} can't be loaded: {error}") from error


def _load_builtin(name: str) -> None:
    # Most are in a file of their name; all of them together take half a second to import.
    from actors.media import operations

    if name in {module.name for module in pkgutil.iter_modules(operations.__path__)}:
        importlib.import_module(f"{operations.__name__}.{name}")


def find_operation(name: str) -> Operation:
    """The operation of that name. Raises `UnknownOperation` with the names there are."""
    if name not in _catalogue:
        _load_builtin(name)
    if name not in _catalogue:
        load_operations()
    if (found := _catalogue.get(name)) is None:
        names = ", ".join(sorted(_catalogue))
        raise UnknownOperation(
            f"there is no operation {name!r}; there are: {names}", details={"operation": name}
        )
    return found


def check_input_count(op: Operation, count: int) -> None:
    """Raises `InvalidInput` if `op` does not take `count` inputs."""
    if not op.min_inputs <= count <= op.max_inputs:
        wanted = (
            str(op.min_inputs)
            if op.min_inputs == op.max_inputs
            else f"{op.min_inputs} to {op.max_inputs}"
        )
        raise InvalidInput(f"{op.name} takes {wanted} input(s), not {count}")
