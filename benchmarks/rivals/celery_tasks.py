"""Celery's tasks: one ffmpeg process a job, and nothing at all."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from celery import Celery

# The worker stores each result; the client subscribes to none, which would cost it more than all
# else it does.
RESULTS = "BENCH_RESULTS_URL"
app = Celery("benchmarks", backend=os.environ.get(RESULTS, "disabled://"))
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


@app.task(name="thumbnail")  # type: ignore[untyped-decorator]
def thumbnail(command: list[str]) -> int:
    """Run ffmpeg; size of the image in bytes."""
    subprocess.run(command, check=True)
    return Path(command[-1]).stat().st_size


@app.task(name="noop")  # type: ignore[untyped-decorator]
def noop() -> None:
    """Nothing."""
