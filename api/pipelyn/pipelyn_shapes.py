"""A job in Pipelyn's words. Pure: presets, states and errors each have one table here."""

from __future__ import annotations

from urllib.parse import unquote

import msgspec

from reelyard.actors.jobs.ids import parse_id
from reelyard.actors.jobs.locations import last_name
from reelyard.actors.jobs.messages import Usage
from reelyard.actors.jobs.model import Job, State
from reelyard.actors.media.operations.optimize import DEFAULT_PRESET, presets
from reelyard.api.pipelyn.answers import (
    PipelynAccepted,
    PipelynJob,
    PipelynJobError,
    PipelynLimits,
    PipelynPresets,
    PipelynResult,
    PipelynStatus,
    PipelynUsage,
)
from reelyard.cluster.errors import NotFound, ReelyardError, TooLarge, UnsupportedType

STATES: dict[State, PipelynStatus] = {
    State.QUEUED: "pending",
    State.RUNNING: "processing",
    State.SUCCEEDED: "done",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
}


ERRORS: dict[str, str] = {
    "bad_request": "invalid-input",
    "invalid_input": "invalid-input",
    "validation_error": "invalid-input",
    "empty_source": "invalid-input",
    "source_not_found": "invalid-input",
    "source_unreadable": "invalid-input",
    "source_forbidden": "invalid-input",
    "unauthorized": "unauthorized",
    "not_found": "not-found",
    "gone": "not-found",
    "not_ready": "not-ready",
    "too_large": "too-large",
    "unsupported_type": "unsupported-type",
    "unsupported_format": "encode-failed",
    "no_such_stream": "encode-failed",
    "media_error": "encode-failed",
    "corrupt_media": "encode-failed",
    "truncated_media": "encode-failed",
    "unsupported_codec": "encode-failed",
    "limit_exceeded": "encode-failed",
    "output_unwritable": "encode-failed",
    "verification_failed": "encode-failed",
    "worker_crashed": "encode-failed",
    "timed_out": "encode-timeout",
    "stalled": "encode-timeout",
}
"""Our code to theirs, for refused requests and failed jobs alike; `unknown` for the rest."""

STATUSES: dict[str, int] = {
    "invalid-input": 400,
    "unauthorized": 401,
    "not-found": 404,
    "not-ready": 409,
    "too-large": 413,
    "unsupported-type": 415,
    "encode-failed": 422,
    "probe-failed": 422,
    "encode-timeout": 504,
}
"""Their code to the HTTP status."""

SYNC = "/media/optimize"
SYNC_LIMITS_S = {"image": 30.0, "video": 240.0}
"""How long `/media/optimize` waits, by the kind of media."""

UNAUTHORIZED = "Unauthorized: valid API key required"
NO_FILE = 'Expected multipart form with media file in "media" field'
EMPTY_FILE = "Media file is empty or invalid"


class SentFile(msgspec.Struct, frozen=True):
    """A form's file as its sender described it: what is kept in `Job.extra`, and nothing else."""

    filename: str = ""
    content_type: str = ""


def sent_file(job: Job) -> SentFile:
    """What `job` remembers of its file; nothing if it came in by another surface."""
    return msgspec.convert(job.extra, SentFile)


def preset_of(name: str | None) -> str:
    """The preset's name; an unknown one is the default."""
    return name if name and name in presets() else DEFAULT_PRESET


def presets_body() -> PipelynPresets:
    """`GET /media/presets`; widths in pixels, bit rates in kbit/s."""
    return {
        "defaultPreset": DEFAULT_PRESET,
        "presets": [
            {
                "name": name,
                "maxWidth": preset.max_width,
                "imageQuality": preset.image_quality,
                "videoCrf": preset.video_crf,
                "videoBitrateKbps": preset.video_bitrate_kbps,
                "audioBitrateKbps": preset.audio_bitrate_kbps,
            }
            for name, preset in presets().items()
        ],
    }


def limits_body(max_bytes: int) -> PipelynLimits:
    """`GET /media/limits`."""
    return {"maxInputBytes": max_bytes, "maxInputMegabytes": max_bytes >> 20}


def usage_body(usage: Usage) -> PipelynUsage:
    """`GET /usage`: sums over what this tenant has optimised."""
    return {
        "totalJobs": usage.totals.compared_jobs or 0,
        "totalInputBytes": usage.totals.input_bytes or 0,
        "totalOutputBytes": usage.totals.compared_output_bytes or 0,
        "totalSavedBytes": usage.totals.saved_bytes or 0,
    }


def read_job_id(text: str) -> str:
    """The canonical id. Raises `NotFound` for what can't be one."""
    found = parse_id(text)
    if found is None:
        raise NotFound("Job not found")
    return found


def accepted_body(job: Job) -> PipelynAccepted:
    """The answer to a submission; `createdAt` in Unix milliseconds."""
    return {"jobId": job.id, "status": STATES[State.QUEUED], "createdAt": job.created_ms}


def status_body(job: Job, download_url: str | None) -> PipelynJob:
    """The status object; `result` only when done, `error` only when failed."""
    body: PipelynJob = {
        "jobId": job.id,
        "status": STATES[job.state],
        "preset": preset_of(job.params.get("preset")),
        "filename": input_name(job),
        "inputBytes": input_bytes(job),
        "createdAt": job.created_ms,
        "updatedAt": job.updated_ms,
        "completedAt": job.finished_ms,
        "downloadUrl": download_url if job.state is State.SUCCEEDED else None,
    }
    if job.state is State.SUCCEEDED:
        body["result"] = result_body(job)
    elif job.state.terminal:
        body["error"] = job_error(job)
    return body


def result_body(job: Job) -> PipelynResult:
    """What came out, by how much it is smaller; durations in seconds, widths in pixels."""
    data = job.result or {}
    output = job.outputs[0] if job.outputs else None
    size = output.size if output else 0
    before = input_bytes(job)
    saved = max(0, before - size)
    facts = output.facts if output else {}
    body: PipelynResult = {
        "kind": output.kind if output else job.kind,
        "strategy": data.get("strategy") or job.operation,
        "contentType": output.content_type if output else "application/json",
        "filename": output.name if output else input_name(job),
        "outputBytes": size,
        "savedBytes": saved,
        "savedPercent": round(100 * saved / before, 2) if before else 0,
    }
    if seconds := data.get("input_duration_s"):
        body["inputDurationSec"] = seconds
    if seconds := facts.get("duration_s"):
        body["outputDurationSec"] = seconds
    if width := data.get("input_width"):
        body["inputWidth"] = width
    if width := facts.get("width"):
        body["outputWidth"] = width
    return body


def job_error(job: Job) -> PipelynJobError:
    """`{message, code}` of a job that did not succeed."""
    if job.error is None:
        return {"message": "The job was cancelled", "code": "unknown"}
    return {"message": job.error.message, "code": error_code(job)}


def error_code(job: Job) -> str:
    """Their code for a failed job; what was not sent as image or video has the wrong type."""
    code = ERRORS.get(job.error.code if job.error else "", "unknown")
    declared = sent_file(job).content_type
    wrong_type = bool(declared) and not is_image_or_video(declared)
    return "unsupported-type" if wrong_type and code == "encode-failed" else code


def is_image_or_video(content_type: str) -> bool:
    """Whether Pipelyn takes this content type."""
    return content_type.lower().startswith(("image/", "video/"))


def sync_headers(job: Job, usage: Usage) -> dict[str, str]:
    """What `/media/optimize` says beside the bytes; what is unknown is an empty string."""
    result, totals = result_body(job), usage_body(usage)
    values = {
        "kind": result["kind"],
        "preset": preset_of(job.params.get("preset")),
        "strategy": result["strategy"],
        "input-bytes": input_bytes(job),
        "output-bytes": result["outputBytes"],
        "saved-bytes": result["savedBytes"],
        "saved-percent": result["savedPercent"],
        "input-duration": result.get("inputDurationSec", ""),
        "output-duration": result.get("outputDurationSec", ""),
        "input-width": result.get("inputWidth", ""),
        "output-width": result.get("outputWidth", ""),
        "total-bytes-saved": totals["totalSavedBytes"],
        "total-jobs": totals["totalJobs"],
    }
    return {f"x-pipelyn-{name}": str(value) for name, value in values.items()}


def input_name(job: Job) -> str:
    """The file name that was uploaded, or the last part of the input's location."""
    name = sent_file(job).filename
    return name or unquote(last_name(job.input)) or job.input


def input_bytes(job: Job) -> int:
    """The input's size in bytes; 0 where nobody has measured it."""
    return job.input_bytes or int((job.result or {}).get("input_bytes") or 0)


def http_error(error: ReelyardError, path: str) -> tuple[int, dict[str, str]]:
    """Status and `{error, code}` for a refused request."""
    code = ERRORS.get(error.code, "unknown")
    message = UNAUTHORIZED if code == "unauthorized" else error.message
    body = {"error": message, "code": code}
    if path.endswith(SYNC) and message == NO_FILE:
        del body["code"]
    return STATUSES.get(code, error.http_status), body


def broken_form(path: str, why: str) -> ReelyardError:
    """A form that could not be parsed is "too large" on `/jobs`, and a fault on `/optimize`."""
    return ReelyardError(why) if path.endswith(SYNC) else TooLarge(why)


def too_large(max_bytes: int) -> str:
    """The sentence for a file over the limit."""
    return f"Media file exceeds input limit ({max_bytes >> 20}MB)"


def not_ready(state: State) -> str:
    """The sentence for a download that comes too early, or of a job that has failed."""
    return f'Job is in status "{STATES[state]}"'


def check_type(content_type: str) -> None:
    """Raises `UnsupportedType` for what is neither image nor video."""
    if not is_image_or_video(content_type):
        raise UnsupportedType(f"Unsupported media type: {content_type}")
