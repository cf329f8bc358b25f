"""A job as the Python client hands it out, the same over Ray and over HTTP.

There is one way to it: a job in the words of `/v1` (`reelyard.api.v1.v1_shapes`), which `job_view`
reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from reelyard.actors.jobs.ids import parse_id
from reelyard.actors.jobs.locations import file_path
from reelyard.actors.jobs.model import ErrorInfo, Job, State
from reelyard.api.v1.v1_shapes import whole_job
from reelyard.cluster.errors import (
    Cancelled,
    NotReady,
    ReelyardError,
    ValidationFailed,
    error_from_dict,
)
from reelyard.cluster.faults import wrong
from reelyard.cluster.readable_text import readable
from reelyard.cluster.url_secrets import hide_secrets


class OutputView(msgspec.Struct, frozen=True):
    """A file that a job made."""

    name: str
    url: str
    """Where to get it: a signed, expiring URL, a `file:` URL, or the destination that was asked
    for. Empty once it is deleted."""
    size: int = 0
    """Bytes."""
    content_type: str = "application/octet-stream"
    kind: str = "data"
    sha256: str = ""
    facts: dict[str, Any] = {}
    deleted: bool = False
    """It lay in Reelyard's own storage, and its time there is over."""
    expires_at: str | None = None
    """When it goes from Reelyard's own storage."""

    @property
    def path(self) -> Path | None:
        """The file itself, where it lies on a disk that this machine names alike."""
        return file_path(self.url)


class JobView(msgspec.Struct, frozen=True):
    """A snapshot of a job; `client.get(job)` brings a newer one."""

    job_id: str
    operation: str
    state: State
    source_url: str = ""
    """The input as it was sent."""
    progress: float = 0.0
    """0 to 100."""
    phase: str | None = None
    speed: float | None = None
    """Media seconds a second."""
    eta_s: float | None = None
    kind: str = "data"
    parameters: dict[str, Any] = {}
    result_data: dict[str, Any] | None = None
    outputs: list[OutputView] = []
    error: ErrorInfo | None = None
    metadata: dict[str, Any] = {}
    priority: int = 0
    created_at: str = ""
    started_at: str | None = None
    completed_at: str | None = None
    expires_at: str | None = None
    """When the outputs go from Reelyard's own storage; None while it runs or has none there."""
    urls_expire_at: str | None = None
    """Until when the outputs' signed URLs work; a newer snapshot brings fresh ones. None: they
    work as long as the outputs are there."""
    waiting_for: str | None = None
    """What keeps a queued job from being run, beyond its turn."""
    tasks: list[dict[str, Any]] = []
    """Its steps with their attempts, in the words of `/v1`."""

    @property
    def id(self) -> str:
        """`job_id`."""
        return self.job_id

    @property
    def done(self) -> bool:
        """Succeeded, failed or cancelled."""
        return self.state.terminal

    @property
    def ok(self) -> bool:
        """Succeeded."""
        return self.state is State.SUCCEEDED

    @property
    def path(self) -> Path | None:
        """The first output's file, where it lies on a disk that this machine names alike."""
        return self.outputs[0].path if self.outputs else None

    @property
    def refused(self) -> bool:
        """Not taken on: it has no id, and `error` says why."""
        return not self.job_id

    def exception(self) -> ReelyardError | None:
        """What went wrong, as an exception of the class that its code names; `Cancelled` for a
        cancelled job."""
        if self.error is not None:
            return error_from_dict(msgspec.to_builtins(self.error))
        if self.state is State.CANCELLED:
            return Cancelled(f"job {self.job_id} was cancelled")
        return None

    def result(self) -> dict[str, Any]:
        """The operation's data. Raises what went wrong if the job did not succeed, and `NotReady`
        if it has not ended."""
        if (error := self.exception()) is not None:
            raise error
        if not self.done:
            raise NotReady(f"job {self.job_id} has not ended: it is {self.state.value}")
        return self.result_data or {}


def job_view(body: Mapping[str, Any]) -> JobView:
    """A JobView from the JSON object of `/v1/jobs/{id}`; fields it does not know are dropped."""
    told = {
        **body,
        "expires_at": body.get("outputs_expire_at"),
        "urls_expire_at": body.get("expires_at"),
    }
    if "outputs" in body:
        told["outputs"] = [output | {"url": output["url"] or ""} for output in body["outputs"]]
    return msgspec.convert(told, JobView, strict=False)


def accepted_view(body: Mapping[str, Any], params: dict[str, Any]) -> JobView:
    """The view of a job that was submitted with `params`, from the answer to that: as it was
    accepted, however far it has come when the same request is sent again."""
    return msgspec.convert({**body, "parameters": hide_secrets(params)}, JobView, strict=False)


def refused_view(operation: str, source: object, error: ReelyardError) -> JobView:
    """The view of a job that there is not, in its place among others: failed, without an id."""
    return JobView(
        job_id="",
        operation=operation,
        state=State.FAILED,
        source_url=readable(hide_secrets(str(source))),
        error=ErrorInfo.of(error),
    )


def view_of(job: Job, urls: Mapping[str, str], urls_end_ms: int | None) -> JobView:
    """The job as a caller sees it. `urls`: where its outputs can be had, by `OutputFile.url`; those
    that are signed end at `urls_end_ms`."""
    # Whoever speaks to Ray itself is an operator.
    return job_view(msgspec.to_builtins(whole_job(job, urls, urls_end_ms, traceback=True)))


type JobRef = JobView | str


def job_id_of(job: JobRef) -> str:
    """The id of a job, given as such, in any form that `/v1` takes, or as a view.

    Raises `ValidationFailed` for anything else.
    """
    if isinstance(job, JobView):
        return job.job_id
    if not isinstance(job, str):
        raise wrong("job", f"must be a job or the id of one, not {job!r}", job, "job or id")
    return parse_id(job) or job


def several[T](what: str, items: Iterable[T]) -> list[T]:
    """`items` as a list. Raises `ValidationFailed` for text or a path, which is one of them:
    text would else be taken letter by letter."""
    if isinstance(items, str | os.PathLike):
        raise ValidationFailed(f"{what}: takes several, as a list; not just {os.fspath(items)!r}")
    return list(items)


def chunks[T](items: Sequence[T], size: int) -> list[Sequence[T]]:
    """`items` in runs of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]
