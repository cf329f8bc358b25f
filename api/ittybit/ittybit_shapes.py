"""A job in ittybit's words. Pure: states, times, errors and paging each have one table here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from reelyard.actors.jobs.ids import ULID_PREFIX, from_ulid, parse_id, to_ulid
from reelyard.actors.jobs.locations import stored_key
from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import ErrorInfo, Job, OutputFile, State, Task
from reelyard.api.ittybit.answers import (
    IttybitExternalFile,
    IttybitFile,
    IttybitJob,
    IttybitJobError,
    IttybitStatus,
    IttybitTask,
    IttybitTimes,
)
from reelyard.cluster.errors import InvalidCursor, NotFound, ReelyardError, ValidationFailed

STATES: dict[State, IttybitStatus] = {
    State.QUEUED: "queued",
    State.RUNNING: "processing",
    State.SUCCEEDED: "succeeded",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}
_STATES_BY_WORD = {word: state for state, word in STATES.items()}
WAITING: Literal["waiting"] = "waiting"
"""A task whose forerunners are not done; ittybit has no such word for a job."""

JOB_KINDS = ("video", "audio", "image", "animation")

ERRORS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "request_invalid"),
    "invalid_cursor": (400, "request_invalid"),
    "invalid_input": (400, "invalid_input"),
    "validation_error": (400, "request_invalid"),
    "unknown_operation": (400, "request_invalid"),
    "unsupported_output": (400, "format_unsupported"),
    "insufficient_credits": (402, "payment_required"),
    "internal": (500, "internal_error"),
}
"""Our code to their status and kind; where it says nothing, both are the error's own."""

NOT_FOUND = {"/jobs": "job_not_found", "/tasks": "task_not_found"}
UNAUTHORIZED = {False: "token_missing", True: "token_invalid"}
"""By whether the request carried a key at all."""

Links = Mapping[str, str]
"""Public URL of what lies in our own storage, by an output's `url`."""


def job_id_text(job_id: str) -> str:
    """`job_` and the 26 characters of the same 128 bits."""
    return ULID_PREFIX + to_ulid(job_id)


def read_job_id(text: str) -> str:
    """The id behind `job_...` (a plain UUID is taken too). Raises `NotFound`."""
    found = parse_id(text)
    if found is None:
        raise NotFound(f"There is no job {text!r}")
    return found


def task_id_text(job: Job, task: Task) -> str:
    """`task_`, the job's 26 characters, and the task's place in the job."""
    return f"task_{to_ulid(job.id)}_{job.tasks.index(task) + 1}"


def read_task_id(text: str) -> tuple[str, int]:
    """The job's id and the place (from 0) behind `task_..._1`. Raises `NotFound`."""
    ulid, _, place = text.removeprefix("task_").partition("_")
    found = from_ulid(ulid)
    if found is None or not (place or "1").isdecimal():
        raise NotFound(f"There is no task {text!r}")
    return found, int(place or 1) - 1


def job_body(job: Job, links: Links) -> IttybitJob:
    """The job object with its tasks. Times are Unix milliseconds; `output` is the final URL."""
    return {
        "id": job_id_text(job.id),
        "object": "job",
        "kind": _job_kind(job),
        "input": job.input,
        "output": _final_url(job, links),
        "options": job.params,
        "metadata": job.metadata,
        "status": STATES[job.state],
        "error": error_body(job.error),
        "tasks": [task_body(job, task, links) for task in job.tasks],
        **_times(job),
    }


def task_body(job: Job, task: Task, links: Links) -> IttybitTask:
    """The task object; `output` is a File object, or null until there is one."""
    kind = _task_kind(job, task)
    return {
        "id": task_id_text(job, task),
        "object": "task",
        "kind": kind,
        "input": _task_input(job, task, links),
        "options": _task_options(job, task, kind),
        "output": _task_output(job, task, links),
        "status": _task_status(job, task),
        "progress": None if kind in ("probe", "export") else int(task.progress),
        "error": error_body(task.error),
        **_times(task),
    }


def as_submitted(job: Job) -> Job:
    """The job as its creation answered it: what a repeated `Idempotency-Key` gets back."""
    tasks = [
        Task(
            name=task.name,
            operation=task.operation,
            params=task.params,
            inputs=task.inputs,
            pool=task.pool,
            needs=task.needs,
            output=task.output,
            created_ms=task.created_ms,
            updated_ms=task.created_ms,
        )
        for task in job.tasks
    ]
    return Job(
        id=job.id,
        tenant=job.tenant,
        dialect=job.dialect,
        operation=job.operation,
        kind=job.kind,
        input=job.input,
        params=job.params,
        tasks=tasks,
        created_ms=job.created_ms,
        output=job.output,
        metadata=job.metadata,
        updated_ms=job.created_ms,
    )


def error_body(error: ErrorInfo | None) -> IttybitJobError | None:
    """`{kind, message}` of a failed job or task."""
    return None if error is None else {"kind": error.code, "message": error.message}


def http_error(error: ReelyardError, path: str, *, has_key: bool) -> tuple[int, dict[str, str]]:
    """Status and `{kind, message}` for a refused request."""
    status, kind = ERRORS.get(error.code, (error.http_status, error.code))
    if error.code == "not_found":
        kind = next((word for root, word in NOT_FOUND.items() if path.startswith(root)), kind)
    elif error.code == "unauthorized":
        kind = UNAUTHORIZED[has_key]
    return status, {"kind": kind, "message": error.message}


def page_query(
    tenant: str,
    *,
    kind: str | None = None,
    status: str | None = None,
    input: str | None = None,
    limit: int = 20,
    after: str | None = None,
    before: str | None = None,
    order: str = "desc",
) -> PageQuery:
    """Their query as ours; one job more than `limit` is asked for, to know whether more follow.

    `before` walks the other way: `in_order` turns the page round. Raises `ValidationFailed`,
    `InvalidCursor`.
    """
    if status is not None and status not in _STATES_BY_WORD:
        words = ", ".join(_STATES_BY_WORD)
        raise ValidationFailed(f"status: must be one of {words}, not {status!r}")
    check_page(1, limit)
    if order not in ("asc", "desc"):
        raise ValidationFailed(f"order: must be asc or desc, not {order!r}")
    if after and before:
        raise ValidationFailed("after, before: only one of them can be given")
    if kind is not None and kind not in KINDS:
        raise ValidationFailed(f"kind: must be one of {', '.join(KINDS)}, not {kind[:80]!r}")
    by_operation = kind in _OPERATION_KINDS
    return PageQuery(
        tenant=tenant,
        limit=limit + 1,
        state=_STATES_BY_WORD[status] if status else None,
        operation=kind if by_operation else None,
        kind=None if by_operation else kind,
        input=input,
        after_id=_read_cursor("before", before) if before else _read_cursor("after", after),
        ascending=(order == "asc") != bool(before),
    )


def check_page(page: int, limit: int) -> None:
    """Raises `ValidationFailed`: at most 100 on a page, and no further than the 1,000th page."""
    if not 1 <= limit <= 100:
        raise ValidationFailed(f"limit: must lie between 1 and 100, not {limit}")
    if not 1 <= page <= 1000:
        raise ValidationFailed(f"page: must lie between 1 and 1000, not {page}; go on with after")


def in_order(jobs: list[Job], limit: int, *, before: bool) -> tuple[list[Job], bool]:
    """The page as asked for, and whether more jobs lie beyond it in the direction walked."""
    page, more = jobs[:limit], len(jobs) > limit
    return (page[::-1] if before else page), more


def page_headers(
    url: str, page: list[Job], limit: int, *, more: bool, before: str | None
) -> dict[str, str]:
    """`Has-More`, `Limit`, and `Link` (RFC 8288) to the neighbouring page in the same walk."""
    headers = {"Has-More": str(more).lower(), "Limit": str(limit)}
    if more and page:
        edge, walk, rel = (page[0], "before", "prev") if before else (page[-1], "after", "next")
        parts = urlsplit(url)
        kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in _WALKS]
        query = urlencode([*kept, (walk, job_id_text(edge.id))])
        headers["Link"] = f'<{parts._replace(query=query).geturl()}>; rel="{rel}"'
    return headers


_WALKS = ("after", "before")
_OPERATION_KINDS = ("probe", "export")
KINDS = (*JOB_KINDS, "adaptive_video", *_OPERATION_KINDS, "data")
"""What `kind` of a listed job can be; `data` is Reelyard's own: what makes no media."""


def _read_cursor(field: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return read_job_id(text)
    except NotFound:
        raise InvalidCursor(f"{field}: {text[:80]!r} is not the id of a job") from None


def _times(record: Job | Task) -> IttybitTimes:
    return {
        "created_at": record.created_ms,
        "started_at": record.started_ms,
        "finished_at": record.finished_ms,
        "updated_at": record.updated_ms,
    }


def _job_kind(job: Job) -> str:
    return job.operation if job.operation in _OPERATION_KINDS else job.kind


def _task_kind(job: Job, task: Task) -> str:
    if task.operation in _OPERATION_KINDS:
        return task.operation
    return task.name if task.name in JOB_KINDS else job.kind


def _task_status(job: Job, task: Task) -> IttybitStatus | Literal["waiting"]:
    done = {other.name for other in job.tasks if other.state is State.SUCCEEDED}
    if task.state is State.QUEUED and not set(task.needs) <= done:
        return WAITING
    return STATES[task.state]


def _task_options(job: Job, task: Task, kind: str) -> dict[str, Any]:
    if kind == "export":
        return {"url": job.output} if job.output else {}
    if kind == "probe":
        return {}
    return job.params if len(job.tasks) == 1 or task.operation == job.operation else task.params


def _task_input(job: Job, task: Task, links: Links) -> IttybitExternalFile | IttybitFile:
    external: IttybitExternalFile = {"object": "external_file", "url": job.input}
    if task.operation == "probe":
        return external
    before = [other for other in job.tasks if other.name in task.needs]
    files = [_task_output(job, other, links) for other in before]
    return next((file for file in files if file), external)


def _task_output(job: Job, task: Task, links: Links) -> IttybitFile | None:
    if task.state is not State.SUCCEEDED:
        return None
    if task.outputs:
        return file_body(task.outputs[0], links)
    return probed_file(job.input, task.result) if task.operation == "probe" else None


def file_body(output: OutputFile, links: Links) -> IttybitFile:
    """A File object for something that a task has stored. `duration` is in seconds."""
    facts = output.facts
    return {
        "object": "file",
        "kind": output.kind,
        "url": _public(output, links),
        "format": _suffix(output.name) or facts.get("format"),
        "width": facts.get("width"),
        "height": facts.get("height"),
        "duration": facts.get("duration_s"),
        "filesize": output.size,
        "type": output.content_type,
        "codecs": {"video": facts.get("video_codec"), "audio": facts.get("audio_codec")},
    }


def probed_file(url: str, info: dict[str, Any] | None) -> IttybitFile | None:
    """A File object for what a probe has looked at."""
    if info is None:
        return None
    video, audio = _stream(info, "video") or {}, _stream(info, "audio") or {}
    return {
        "object": "file",
        "kind": info.get("kind"),
        "url": url,
        "format": info.get("format"),
        "width": video.get("display_width"),
        "height": video.get("display_height"),
        "duration": info.get("duration_s"),
        "filesize": info.get("size"),
        "codecs": {"video": video.get("codec"), "audio": audio.get("codec")},
    }


def _stream(info: dict[str, Any], kind: str) -> dict[str, Any] | None:
    return next((item for item in info.get("streams", []) if item.get("kind") == kind), None)


def _final_url(job: Job, links: Links) -> str | None:
    return _public(job.outputs[0], links) if job.outputs else None


def _public(output: OutputFile, links: Links) -> str | None:
    # The name of an object in our own storage means nothing outside, and its file may be gone.
    inside = stored_key(output.url) is not None
    return links.get(output.url) if inside else output.url


def _suffix(name: str) -> str | None:
    _, dot, suffix = name.rpartition(".")
    return suffix.lower() if dot else None
