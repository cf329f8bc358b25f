"""What `reelyard show` says of a job."""

from __future__ import annotations

import os
from pathlib import Path

from actors.jobs.model import ErrorInfo, State
from api.cli.jobs import details_of
from api.client.views import JobView, OutputView


def test_a_failed_job_ends_with_the_traceback_of_its_operation() -> None:
    error = ErrorInfo("internal", "it failed", details={"traceback": "File mine.py\nKeyError\n"})
    lines = details_of(JobView("id", "boom", State.FAILED, source_url="a.mp4", error=error))
    assert lines[-3:] == ["", "File mine.py", "KeyError"]
    assert "  error      internal: it failed" in lines
    bare = JobView("id", "boom", State.FAILED, error=ErrorInfo("internal", "it failed"))
    assert details_of(bare)[-1] == "  error      internal: it failed"


def test_names_that_are_not_utf_8_can_be_printed() -> None:
    url = Path(os.fsdecode(b"/clips/caf\xe9.mp4")).as_uri()
    job = JobView("id", "probe", State.SUCCEEDED, source_url=url, outputs=[OutputView("a", url)])
    assert len([line for line in details_of(job) if "caf\ufffd.mp4" in line]) == 2
