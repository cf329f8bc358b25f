"""An operation and what it is given and gives back.

An operation is one file: a pydantic model of its parameters (bounds, units, defaults: they become
the HTTP schema and the command line's help), and a function from local input files to local output
files. `reelyard.actors.media.catalogue` registers it, which makes it reachable from every surface:

    class ReverseParams(Params):
        '''Play it backwards.'''
        audio: bool = Field(True, description="reverse the audio too")

    @operation("reverse", params=ReverseParams, lane="cpu", kind="video")
    def reverse(work: Work[ReverseParams]) -> Result:
        ...

The function runs in a codec process: it may block, use `work.threads` threads, write below
`work.out_dir` only, and must call `work.progress` now and then (cheap: call it once a packet or
frame); that call raises `Cancelled` when the job is to stop.
"""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from reelyard.actors.media.sniff import Sniffed, identify
from reelyard.cluster.errors import Cancelled, InvalidInput, ReelyardError
from reelyard.cluster.faults import unfit

Lane = Literal["light", "cpu"]
Kind = Literal["video", "audio", "image", "animation", "data"]
Phase = Literal["fetch", "decode", "encode", "package", "store"]
"""What a running task is doing."""


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

    @cached_property
    def sniffed(self) -> Sniffed:
        """What the file is, by its first bytes, which are read once. Raises what `identify`
        raises."""
        return identify(self.path, self.name)


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

    phase: Phase = "decode"
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
        phase: Phase | None = None,
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
    """Files in the order in which they matter, and JSON-able data.

    `input_bytes` in the data, the size of what was read, counts in the tenant's totals.
    """

    files: list[MediaFile] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)


def check_result(operation: str, result: Result, out_dir: Path) -> None:
    """Raises `ReelyardError` for a file that does not lie in `out_dir`."""
    for file in result.files:
        if file.path.parent != out_dir or not file.path.is_file():
            raise ReelyardError(
                f"the operation {operation!r} named an output that it did not write",
                internal=str(file.path),
            )


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

    def check_input_count(self, count: int) -> None:
        """Raises `InvalidInput` if the operation does not take `count` inputs."""
        if not self.min_inputs <= count <= self.max_inputs:
            wanted = (
                str(self.min_inputs)
                if self.min_inputs == self.max_inputs
                else f"{self.min_inputs} to {self.max_inputs}"
            )
            raise InvalidInput(
                f"{self.name} takes {wanted} input(s), not {count}",
                details={"field": "inputs", "value": count, "allowed": wanted},
            )

    def parse(self, params: dict[str, Any]) -> Params:
        """`params` checked and completed. Raises `ValidationFailed` naming every fault."""
        try:
            return self.params.model_validate(params)
        except ValidationError as error:
            raise unfit(self.params, error, params, self.name) from None
