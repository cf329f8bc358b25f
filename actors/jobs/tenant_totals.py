"""What a job adds to its tenant's totals once it succeeds. Pure.

An operation that knows how much it has read says so in its result as `input_bytes`.
"""

from __future__ import annotations

from reelyard.actors.jobs.messages import Totals
from reelyard.actors.jobs.model import Job, State
from reelyard.actors.jobs.transitions import sinks


def totals_of(job: Job) -> Totals | None:
    """The sizes to add; None for a job that has not succeeded or has made no files."""
    if job.state is not State.SUCCEEDED or not job.outputs:
        return None
    written = sum(output.size for output in job.outputs)
    read = job.input_bytes or _told_input_bytes(job)
    if read is None:
        return Totals(output_bytes=written)
    return Totals(
        output_bytes=written,
        compared_jobs=1,
        input_bytes=read,
        compared_output_bytes=written,
        saved_bytes=max(0, read - written),
    )


def _told_input_bytes(job: Job) -> int | None:
    """What the last tasks say that they read; None unless each says it."""
    told = [(task.result or {}).get("input_bytes") for task in sinks(job)]
    sizes = [size for size in told if isinstance(size, int)]
    return sum(sizes) if len(sizes) == len(told) else None
