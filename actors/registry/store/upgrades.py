"""Records of earlier versions, brought into today's form as they are read."""

from __future__ import annotations

from reelyard.actors.jobs.model import Job
from reelyard.actors.jobs.transitions import result_of

_OPTIMIZE_RESULT = {
    "contentType": "content_type",
    "inputBytes": "input_bytes",
    "outputBytes": "output_bytes",
    "savedBytes": "saved_bytes",
    "savedPercent": "saved_percent",
    "inputDurationSec": "input_duration_s",
    "outputDurationSec": "output_duration_s",
    "inputWidth": "input_width",
    "outputWidth": "output_width",
}
"""`optimize` once answered in Pipelyn's words."""


def upgrade(job: Job) -> Job:
    """`job`, changed where an earlier version wrote it otherwise."""
    if job.extra:
        # Both once lay among what only a dialect reads; the totals are worked out now.
        job.extra.pop("totals", None)
        job.input_bytes = job.extra.pop("input_bytes", job.input_bytes)
    for task in job.tasks:
        if task.operation == "optimize" and task.result and "inputBytes" in task.result:
            task.result = {_OPTIMIZE_RESULT.get(k, k): value for k, value in task.result.items()}
            if job.result is not None:
                job.result = result_of(job)
    return job
