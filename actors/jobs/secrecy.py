"""The secrets in a job's URLs, apart from the record that everybody reads. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from reelyard.actors.jobs.model import ErrorInfo, Job, Task
from reelyard.cluster.url_secrets import hide_in_text, hide_secrets

_encoder = msgspec.msgpack.Encoder()


class TaskSecrets(msgspec.Struct, frozen=True):
    """The part of a task that a worker needs word for word."""

    params: dict[str, Any]
    inputs: list[str]
    output: str | None

    @classmethod
    def of(cls, task: Task) -> TaskSecrets:
        """As they stand in the record."""
        return cls(task.params, task.inputs, task.output)


def hide_job_secrets(job: Job, seal: Callable[[TaskSecrets], bytes]) -> None:
    """Hide the secrets of every URL in `job`; what its workers need of them goes, through `seal`,
    into `Task.sealed`. A job that was treated so before stays as it is."""
    if not job.secrets_hidden:
        if _names_a_url(job):
            _hide_in_job(job, seal)
        job.secrets_hidden = True


def _names_a_url(job: Job) -> bool:
    """Whether a URL can be anywhere in it; of ten thousand local files none is.

    One run over its bytes costs a tenth of a look at each of its texts.
    """
    return b"://" in _encoder.encode(job)


def _hide_in_job(job: Job, seal: Callable[[TaskSecrets], bytes]) -> None:
    for task in job.tasks:
        _hide_in_task(task, seal)
    job.input = hide_secrets(job.input)
    job.output = hide_secrets(job.output)
    job.params = hide_secrets(job.params)
    job.metadata = hide_secrets(job.metadata)
    job.extra = hide_secrets(job.extra)
    job.result = hide_secrets(job.result)
    job.error = _hidden_error(job.error)


def _hide_in_task(task: Task, seal: Callable[[TaskSecrets], bytes]) -> None:
    said = TaskSecrets.of(task)
    shown = TaskSecrets(
        hide_secrets(said.params), hide_secrets(said.inputs), hide_secrets(said.output)
    )
    if not task.sealed and shown != said:
        task.sealed = seal(said)
        task.params, task.inputs, task.output = shown.params, shown.inputs, shown.output
    task.result = hide_secrets(task.result)
    task.error = _hidden_error(task.error)
    for attempt in task.attempts:
        attempt.error = _hidden_error(attempt.error)


def _hidden_error(error: ErrorInfo | None) -> ErrorInfo | None:
    if error is None:
        return None
    return msgspec.structs.replace(
        error, message=hide_in_text(error.message), details=hide_secrets(error.details)
    )
