"""A job in Dolby.io's words. Pure: states, paths, times, errors and paging each have one table."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from typing import Any

from reelyard.actors.jobs.ids import parse_id
from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import ErrorInfo, Job, State
from reelyard.actors.jobs.times import DAY_MS
from reelyard.api.dolby.answers import (
    DolbyAudioInfo,
    DolbyJob,
    DolbyJobError,
    DolbyJobItem,
    DolbyJobPage,
    DolbyMediaInfo,
    DolbyResult,
    DolbyStatus,
    DolbyVideoInfo,
)
from reelyard.api.dolby.locations import dlb_names
from reelyard.cluster.errors import InvalidCursor, NotFound, ReelyardError, ValidationFailed

STATES: dict[State, DolbyStatus] = {
    State.QUEUED: "Pending",
    State.RUNNING: "Running",
    State.SUCCEEDED: "Success",
    State.FAILED: "Failed",
    State.CANCELLED: "Cancelled",
}
_STATES_BY_WORD = {word: state for state, word in STATES.items()}

ENHANCE, TRANSCODE, DIAGNOSE = "/media/enhance", "/media/transcode", "/media/diagnose"
PATHS: dict[str, str] = {"enhance": ENHANCE, "probe": DIAGNOSE}
"""Operation to the path that polls it; every other one makes media: `TRANSCODE`."""

API_VERSIONS: dict[str, str] = {ENHANCE: "v1.1.2", TRANSCODE: "v1.7", DIAGNOSE: "b1.0"}

ERRORS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "Bad Request"),
    "invalid_input": (400, "Invalid Input"),
    "invalid_cursor": (400, "Invalid Next Token"),
    "validation_error": (400, "Validation Error"),
    "unknown_operation": (400, "Validation Error"),
    "unsupported_output": (400, "Unsupported Output"),
    "already_finished": (400, "Job Already Finished"),
    "unauthorized": (401, "Unauthorized"),
    "not_found": (404, "Not Found"),
    "internal": (500, "Internal Error"),
}
"""Our code to their status and title; where it says nothing, the error's own."""

PAGE_SIZE = 100
WINDOW_DAYS = 31


def path_of(job: Job) -> str:
    """The API path that polls this job, whichever surface made it."""
    return PATHS.get(job.operation, TRANSCODE)


def read_job_id(text: str) -> str:
    """The canonical id. Raises `NotFound` for what can't be one."""
    found = parse_id(text)
    if found is None:
        raise NotFound(f"There is no job {text!r}")
    return found


def check_path(job: Job, path: str) -> Job:
    """The job, if `path` is the one that polls it. Raises `NotFound`."""
    if path_of(job) != path:
        raise NotFound(f"There is no job {job.id!r} of {path}; poll {path_of(job)}")
    return job


def status_body(job: Job) -> DolbyJob:
    """What polling a path answers; `result` is empty but for diagnose."""
    body: DolbyJob = {
        "path": path_of(job),
        "status": STATES[job.state],
        "progress": int(job.progress),
        "api_version": API_VERSIONS[path_of(job)],
        "result": result_body(job),
    }
    # Their client wraps whatever `error` holds, so it must not be there without one.
    if job.error:
        body["error"] = job_error(job.error, job.tenant)
    return body


def list_entry(job: Job) -> DolbyJobItem:
    """A job in the list. Times are ISO 8601 in UTC, null until they have come."""
    return {
        "job_id": job.id,
        "api_version": API_VERSIONS[path_of(job)],
        "path": path_of(job),
        "status": STATES[job.state],
        "progress": int(job.progress),
        "duration": duration_s(job),
        "time_submitted": iso(job.created_ms),
        "time_started": iso(job.started_ms),
        "time_completed": iso(job.finished_ms),
        "expiry": None if job.finished_ms is None else iso(expiry_ms(job.finished_ms)),
    }


def list_body(jobs: list[Job], next_token: str | None) -> DolbyJobPage:
    """A page: `count` is the number in it; the last page has no `next_token`."""
    body: DolbyJobPage = {"count": len(jobs), "jobs": [list_entry(job) for job in jobs]}
    if next_token:
        body["next_token"] = next_token
    return body


def iso(ms: int | None) -> str | None:
    """Unix milliseconds as `2021-08-10T05:16:31.494Z`."""
    if ms is None:
        return None
    whole = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def expiry_ms(finished_ms: int) -> int:
    """One calendar month after the end, cut to whole seconds."""
    end = datetime.fromtimestamp(finished_ms // 1000, UTC)
    year, month = (end.year, end.month + 1) if end.month < 12 else (end.year + 1, 1)
    day = min(end.day, calendar.monthrange(year, month)[1])
    return int(end.replace(year=year, month=month, day=day).timestamp()) * 1000


def read_time(name: str, text: str) -> int:
    """An ISO 8601 date or time as Unix milliseconds (0 if before 1970); without a zone: UTC.

    Raises `ValidationFailed`, or takes a blank where a `+` was not encoded in the URL.
    """
    date, blank, zone = text.partition(" ")
    try:
        found = datetime.fromisoformat(f"{date}+{zone}" if blank and "T" in date else text)
    except ValueError:
        raise ValidationFailed(f"{name}: must be an ISO 8601 date or time, not {text!r}") from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return max(0, round(found.timestamp() * 1000))


def page_query(
    tenant: str,
    now_ms: int,
    *,
    status: str | None = None,
    submitted_after: str | None = None,
    submitted_before: str | None = None,
) -> PageQuery:
    """Their first page as ours, newest first; one more than a page, to know if more follow.

    Nothing before the 31-day window is found. Raises `ValidationFailed`.
    """
    if status and status not in _STATES_BY_WORD:
        words = ", ".join(_STATES_BY_WORD)
        raise ValidationFailed(f"status: must be one of {words}, not {status!r}")
    first = now_ms - WINDOW_DAYS * DAY_MS
    since = read_time("submitted_after", submitted_after) if submitted_after else None
    until = read_time("submitted_before", submitted_before) if submitted_before else None
    if since is not None and until is not None and until < since:
        raise ValidationFailed("submitted_before: must not lie before submitted_after")
    return PageQuery(
        tenant=tenant,
        limit=PAGE_SIZE + 1,
        state=_STATES_BY_WORD[status] if status else None,
        created_from_ms=max(first, since or first),
        created_to_ms=until,
    )


def next_cursor(query: PageQuery, page: list[Job]) -> dict[str, Any]:
    """What `next_token` holds: the query, and where its next page begins."""
    return {
        "state": query.state,
        "from": query.created_from_ms,
        "to": query.created_to_ms,
        "after": page[-1].id,
    }


def resume_query(tenant: str, cursor: dict[str, Any]) -> PageQuery:
    """The query that `next_cursor` wrote down. Raises `InvalidCursor`."""
    try:
        return PageQuery(
            tenant=tenant,
            limit=PAGE_SIZE + 1,
            state=State(cursor["state"]) if cursor["state"] else None,
            created_from_ms=cursor["from"],
            created_to_ms=cursor["to"],
            after_id=cursor["after"],
        )
    except (KeyError, ValueError):
        raise InvalidCursor("next_token: it was not given out by this list") from None


def job_error(error: ErrorInfo, tenant: str) -> DolbyJobError:
    """The error of a failed job; their clients differ on `detail` and `details`: both."""
    title = error.code.replace("_", " ").title()
    detail = dlb_names(error.message, tenant)
    return {
        "type": problem_type(error.code),
        "title": title,
        "detail": detail,
        "details": detail,
    }


def problem_type(code: str) -> str:
    """The `type` of a problem body: our stable code as a URI (RFC 9457, section 3.1.1)."""
    return f"urn:reelyard:problem:{code}"


def http_error(error: ReelyardError, instance: str) -> dict[str, Any]:
    """The problem body of a refused request; its `status` is the HTTP status too."""
    own_title = error.code.replace("_", " ").title()
    status, title = ERRORS.get(error.code, (error.http_status, own_title))
    return {
        "type": problem_type(error.code),
        "title": title,
        "status": status,
        "detail": error.message,
        "instance": instance,
    }


def duration_s(job: Job) -> float:
    """Seconds of media: of the output, or of what was probed; 0.0 while nobody knows."""
    found = [output.facts.get("duration_s") for output in job.outputs]
    found.append((job.result or {}).get("duration_s"))
    return round(float(next((value for value in found if value), 0.0)), 3)


def result_body(job: Job) -> DolbyResult:
    """`media_info` of a probe; nothing for what makes media, as theirs does."""
    if path_of(job) != DIAGNOSE or job.state is not State.SUCCEEDED:
        return {}
    return {"media_info": media_info(job.result or {})}


def media_info(info: dict[str, Any]) -> DolbyMediaInfo:
    """Their `media_info` of what a probe found; durations in seconds, bit rates in bit/s."""
    body: DolbyMediaInfo = {
        "container": {
            "kind": info.get("format"),
            "duration": info.get("duration_s"),
            "bitrate": info.get("bit_rate"),
            "size": info.get("size"),
        }
    }
    if audio := _first(info, "audio"):
        body["audio"] = _audio(audio)
    if video := _first(info, "video"):
        body["video"] = _video(video)
    return body


def _first(info: dict[str, Any], kind: str) -> dict[str, Any] | None:
    return next((stream for stream in info.get("streams", []) if stream.get("kind") == kind), None)


def _audio(stream: dict[str, Any]) -> DolbyAudioInfo:
    return {
        "codec": stream.get("codec"),
        "channels": stream.get("channels"),
        "sample_rate": stream.get("sample_rate"),
        "duration": stream.get("duration_s"),
        "bitrate": stream.get("bit_rate"),
    }


def _video(stream: dict[str, Any]) -> DolbyVideoInfo:
    return {
        "codec": stream.get("codec"),
        "frame_rate": stream.get("fps"),
        "height": stream.get("display_height"),
        "width": stream.get("display_width"),
        "duration": stream.get("duration_s"),
        "bitrate": stream.get("bit_rate"),
    }
