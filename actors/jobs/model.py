"""The job model: plain records, the same in every process and in every store.

All times are Unix milliseconds, UTC. Records are `msgspec` structs: quick to encode and to pickle.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from reelyard.actors.media.operation import Phase
from reelyard.cluster.errors import ReelyardError


class State(StrEnum):
    """Where a job or a task stands. The last three are terminal and never change."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self in TERMINAL


TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


class Outcome(StrEnum):
    """How an attempt ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"  #: the worker went away or let its lease run out
    CRASHED = "crashed"  #: the codec process died under it
    RETURNED = "returned"  #: given back by a draining worker


class ErrorInfo(msgspec.Struct, frozen=True):
    """The public form of a `ReelyardError`."""

    code: str
    message: str
    retryable: bool = False
    details: dict[str, Any] = {}

    @classmethod
    def of(cls, error: ReelyardError) -> ErrorInfo:
        """What may be told of `error`."""
        return cls(error.code, error.message, error.retryable, error.details)


class OutputFile(msgspec.Struct, frozen=True):
    """A file that a task has stored."""

    name: str
    """File name, without a folder."""
    url: str
    """Where it lies: `storage:<key>` in Reelyard's own storage, or the destination asked for."""
    size: int
    """Bytes."""
    sha256: str
    content_type: str
    kind: str
    """video, audio, image, or data."""
    facts: dict[str, Any] = {}
    """width, height (px), duration_s, frames, codecs: what the check of the file found."""
    expires_ms: int | None = None
    deleted: bool = False


class Attempt(msgspec.Struct, omit_defaults=True):
    """One try at a task. Its number is its fence: later attempts have higher ones."""

    fence: int
    worker: str
    node: str
    pool: str
    started_ms: int
    ended_ms: int | None = None
    outcome: Outcome = Outcome.RUNNING
    error: ErrorInfo | None = None
    incarnation: str = ""
    """The worker process that runs it; empty once it has ended."""
    sizing: str = ""
    """How many threads it had, and why."""


class Task(msgspec.Struct, omit_defaults=True):
    """One step of a job, run by one worker."""

    name: str
    """Unique within the job."""
    operation: str
    params: dict[str, Any]
    """Complete, validated parameters."""
    inputs: list[str]
    """Locations: `file:`, `http(s):`, `s3:` … URLs, `storage:<key>`, or `task:<name>` for the
    outputs of another task of this job."""
    pool: str
    """The pool whose workers may run it: cpu, light, gpu."""
    needs: list[str] = []
    """Names of the tasks that must succeed first."""
    output: str | None = None
    """Destination: a URL of a file, of a folder (ending in `/`), or None for own storage."""
    sealed: bytes = b""
    """Params, inputs and output with the secrets of their URLs, encrypted; empty: they have none.
    In the fields themselves the secrets are hidden."""
    state: State = State.QUEUED
    attempts: list[Attempt] = []
    progress: float = 0.0
    """0 to 100; never goes back within an attempt."""
    phase: Phase | None = None
    speed: float | None = None
    """Media seconds a second: 2.0 is twice real time."""
    eta_s: float | None = None
    outputs: list[OutputFile] = []
    result: dict[str, Any] | None = None
    error: ErrorInfo | None = None
    not_before_ms: int = 0
    """A retry waits until then."""
    created_ms: int = 0
    started_ms: int | None = None
    finished_ms: int | None = None
    updated_ms: int = 0

    @property
    def fence(self) -> int:
        """The current attempt's number; 0 before the first."""
        return self.attempts[-1].fence if self.attempts else 0


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of a job's history: what event streams replay."""

    seq: int
    at_ms: int
    state: State
    note: str = ""


class Job(msgspec.Struct, omit_defaults=True):
    """A job, whole."""

    id: str
    tenant: str
    dialect: str
    """The surface it came in by: v1, dolby, pipelyn, ittybit, python."""
    operation: str
    kind: str
    """What it makes: video, audio, image, animation, data."""
    input: str
    """The first input as its sender wrote it (an upload's id or name, a URL, a path)."""
    params: dict[str, Any]
    """As sent."""
    tasks: list[Task]
    created_ms: int
    output: str | None = None
    """The destination as sent."""
    state: State = State.QUEUED
    priority: int = 0
    """Higher runs first; -100 to 100."""
    metadata: dict[str, Any] = {}
    input_bytes: int | None = None
    """Size of the input, where the surface that took it in has counted it."""
    extra: dict[str, Any] = {}
    """What a dialect wants to remember, and nobody else reads."""
    started_ms: int | None = None
    finished_ms: int | None = None
    updated_ms: int = 0
    expires_ms: int = 0
    """When the record goes."""
    outputs_expire_ms: int | None = None
    """When its files in Reelyard's own storage go; None while it runs or has none there."""
    result: dict[str, Any] | None = None
    outputs: list[OutputFile] = []
    error: ErrorInfo | None = None
    credits: int = 0
    """The price, charged at submit."""
    refunded: bool = False
    secrets_hidden: bool = False
    """No URL in this record shows a secret; records of earlier versions may."""
    rev: int = 0
    """Rises with every stored change; a store accepts a change only on the revision it saw."""
    history: list[Change] = []

    def task(self, name: str) -> Task:
        """The task of that name. Raises KeyError."""
        for task in self.tasks:
            if task.name == name:
                return task
        raise KeyError(name)

    @property
    def progress(self) -> float:
        """0 to 100: the mean over the tasks, exact only at the ends."""
        if self.state is State.SUCCEEDED:
            return 100.0
        return round(sum(task.progress for task in self.tasks) / max(1, len(self.tasks)), 2)

    @property
    def active_task(self) -> Task | None:
        """The running task, else None."""
        return next((task for task in self.tasks if task.state is State.RUNNING), None)


class TaskSpec(msgspec.Struct, frozen=True):
    """A step that a job asks for explicitly (a graph)."""

    name: str
    operation: str
    params: dict[str, Any] = {}
    inputs: list[str] = []
    """`input` for the job's inputs, `task:<name>` for another step's outputs, or a location."""
    output: str | None = None
    needs: list[str] = []
    """Names of steps that must succeed first though nothing of theirs is read."""


class JobSpec(msgspec.Struct, frozen=True):
    """What a surface wants done; `plan_job` makes a Job of it, or refuses."""

    operation: str
    inputs: list[str] = []
    """Locations that a worker can open (see Task.inputs)."""
    params: dict[str, Any] = {}
    output: str | None = None
    tenant: str = "default"
    dialect: str = "v1"
    input: str = ""
    """As its sender wrote it; empty: the first of `inputs`."""
    params_sent: dict[str, Any] | None = None
    """As its sender wrote them, where that differs from `params`."""
    output_sent: str | None = None
    priority: int = 0
    pool: str | None = None
    metadata: dict[str, Any] = {}
    input_bytes: int | None = None
    extra: dict[str, Any] = {}
    """For the dialect alone."""
    tasks: list[TaskSpec] = []
    """A graph instead of the one task that `operation` means."""
    kind: str | None = None
    """Overrides the kind that the operation tells."""
    idempotency_key: str | None = None
    fingerprint: str = ""
    """Hash of the request body, compared when the key comes again."""
