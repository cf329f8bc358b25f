"""The answers of `/v1` as models, for OpenAPI only: the routes encode records (`v1_shapes.py`)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["pending", "processing", "completed", "failed"]
StateName = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class Answer(BaseModel):
    """Base: an answer may grow further fields."""

    model_config = ConfigDict(extra="allow")


class JobError(Answer):
    """Why a job or a task failed."""

    code: str = Field(description="stable; docs/errors.md lists all")
    message: str
    retryable: bool
    details: dict[str, Any]
    """Fields of the error; `traceback` where an operation's own code failed, for an admin, and for
    the job's owner on an embedded cluster."""


class Accepted(Answer):
    """A job that was taken on; durable."""

    job_id: str
    job_type: str
    status: Literal["pending"]
    source_url: str
    credits_charged: int
    created_at: str
    operation: str
    state: Literal["queued"]
    kind: str
    priority: int
    metadata: dict[str, Any]


class JobItem(Answer):
    """A job in a list."""

    job_id: str = Field(description="UUID")
    job_type: str
    status: Status
    source_url: str
    credits_charged: int
    created_at: str = Field(description="ISO 8601, UTC")
    operation: str
    state: StateName
    kind: str
    progress: float = Field(ge=0, le=100)
    phase: str | None
    speed: float | None = Field(description="media seconds a second")
    eta_s: float | None
    priority: int
    metadata: dict[str, Any]
    error: JobError | None
    started_at: str | None
    completed_at: str | None


class Output(Answer):
    """A file that a job made."""

    name: str
    url: str | None = Field(description="signed and expiring, or the destination asked for")
    size: int = Field(description="bytes")
    sha256: str
    content_type: str
    kind: str
    facts: dict[str, Any]
    deleted: bool
    expires_at: str | None


class Attempt(Answer):
    """One try at a task."""

    attempt: int
    worker: str
    node: str
    pool: str
    outcome: str
    error: JobError | None
    sizing: str
    started_at: str | None
    ended_at: str | None


class Task(Answer):
    """A step of a job."""

    name: str
    operation: str
    state: StateName
    pool: str
    needs: list[str]
    progress: float
    phase: str | None
    speed: float | None
    eta_s: float | None
    result: dict[str, Any] | None
    error: JobError | None
    started_at: str | None
    completed_at: str | None
    attempts: list[Attempt]


class Job(JobItem):
    """A job, whole."""

    waiting_for: str | None = Field(description="what keeps it from being run, beyond its turn")
    parameters: dict[str, Any]
    download_url: str | None = Field(description="of the first output; once completed")
    result_data: dict[str, Any] | None
    error_message: str | None
    expires_at: str | None = Field(description="when `download_url` ends")
    tasks: list[Task]
    outputs: list[Output]
    output: str | None
    dialect: str
    refunded: bool
    created_ms: int
    started_ms: int | None
    finished_ms: int | None
    updated_ms: int
    outputs_expire_at: str | None
    record_expires_at: str | None


class JobPage(Answer):
    """A page of jobs, newest first."""

    items: list[JobItem]
    next_cursor: str | None
    has_more: bool


class JobList(Answer):
    """Jobs looked up by id."""

    items: list[Job]
    missing: list[str]


class ItemError(Answer):
    """Why an item was refused."""

    code: str
    message: str
    retryable: bool
    details: dict[str, Any]


class Refused(Answer):
    """An item of a batch that was not taken on."""

    index: int
    status: int
    error: ItemError


class BatchResult(Answer):
    """An answer for each item, in order."""

    results: list[Accepted | Refused]
    accepted: int
    refused: int


class OperationItem(Answer):
    """An operation of the catalogue."""

    name: str
    summary: str
    credits: int
    min_inputs: int
    max_inputs: int


class Operation(OperationItem):
    """An operation with the JSON schema of its parameters."""

    parameters: dict[str, Any]


class OperationList(Answer):
    """Everything that can be asked for."""

    items: list[OperationItem]


class Upload(Answer):
    """Where the parts of a file go (tus 1.0), and how the upload is named in a job."""

    upload_id: str
    url: str
    input: str
    size: int
    expires_at: str | None


class Usage(Answer):
    """An account; `credits_left` null: not limited."""

    tenant: str
    credits_left: int | None
    credits_spent: int
    jobs: dict[str, int]
    totals: dict[str, int]


class Info(Answer):
    """What the probe found; its fields are those of the operation `probe`."""

    job_id: str
    source_url: str


class Pool(Answer):
    """A pool as the registry sees it."""

    name: str
    queued: int
    running: int
    oldest_queued_s: float
    backlog_s: float
    workers: list[str]
    paused: bool


class HealthPart(Answer):
    """A part that jobs need; `reason`: what is wrong, or nearly so."""

    ok: bool
    reason: str | None


class ClusterHealth(Answer):
    """ok; degraded: jobs are taken on, and wait; unavailable: they are refused."""

    status: Literal["ok", "degraded", "unavailable"]
    parts: dict[str, HealthPart]


class Overview(Answer):
    """The registry at a glance."""

    epoch: str
    uptime_s: float
    store: str
    jobs: dict[str, int]
    pools: list[Pool]
    running: list[JobItem]
    finished_per_s: float
    lease_expiries: int
    health: ClusterHealth


class PoolAnswer(Answer):
    """What was done with a pool."""

    pool: str
    state: Literal["paused", "running", "draining"]
    workers: list[str]


class Key(Answer):
    """An API key without its text."""

    key_id: str
    tenant: str
    name: str
    admin: bool
    scope: Literal["read", "submit", "admin"]
    created_at: str
    expires_at: str | None
    revoked_at: str | None


class NewKey(Key):
    """A fresh API key; `key` is shown this once."""

    key: str


class KeyList(Answer):
    """All keys, oldest first."""

    items: list[Key]


class Alive(Answer):
    """The process answers."""

    status: Literal["ok"]
    version: str


class Health(ClusterHealth):
    """Whether jobs can be taken on, and the version that answers."""

    version: str


class Fault(Answer):
    """What is wrong with one field, as VideoConduit's clients read it."""

    loc: list[str | int]
    msg: str
    type: str


class FieldFault(Answer):
    """What is wrong with one field."""

    field: str = Field(description="where it is in the request, as `params.height`")
    message: str
    value: Any = Field(None, description="what was sent, shortened")
    allowed: str | list[str] | None = Field(None, description="what may stand there instead")
    suggestion: str | None = Field(None, description="the name that was probably meant")


class ErrorDetails(Answer):
    """What an error is about; of several faults in a request, the first, and all in `errors`."""

    field: str | None = Field(None, description="where the fault is in the request")
    value: Any = Field(None, description="what was sent, shortened")
    allowed: str | list[str] | None = Field(None, description="what may stand there instead")
    suggestion: str | None = Field(None, description="the name that was probably meant")
    errors: list[FieldFault] | None = None


class Error(Answer):
    """Why a request was refused."""

    code: str = Field(description="stable; docs/errors.md lists all")
    message: str = Field(description="for the person who asked")
    retryable: bool = Field(description="whether the same request may succeed later")
    details: ErrorDetails
    detail: str | list[Fault] = Field(
        description="VideoConduit's form: the message, or of a 422 a list of faults"
    )
