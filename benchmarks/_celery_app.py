"""The other side of `small_jobs`: a Celery task that starts one ffmpeg process a job."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from celery import Celery

URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/0")
app = Celery("benchmarks", broker=URL, backend=URL)
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_ignore_result=False,
    worker_hijack_root_logger=False,
)


def thumbnail_command(ffmpeg: str, source: str, at_s: float, target: str) -> list[str]:
    """The key frame at or before `at_s`, 480 px wide: the quickest way that ffmpeg has."""
    return [
        *(ffmpeg, "-v", "error", "-nostdin", "-y", "-threads", "1"),
        *("-noaccurate_seek", "-ss", f"{at_s:.3f}", "-i", source),
        *("-frames:v", "1", "-an", "-vf", "scale=480:-2", "-q:v", "3", "-update", "1", target),
    ]


@app.task(name="thumbnail")  # type: ignore[untyped-decorator]
def thumbnail(ffmpeg: str, source: str, at_s: float, target: str) -> int:
    """Size of the image in bytes."""
    subprocess.run(thumbnail_command(ffmpeg, source, at_s, target), check=True)
    return Path(target).stat().st_size
