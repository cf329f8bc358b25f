"""Progress bars for jobs, with phase, speed and time left of each that runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from reelyard.actors.jobs.locations import file_path
from reelyard.actors.jobs.model import State
from reelyard.api.client.views import JobView
from reelyard.cluster.readable_text import printable

#: more jobs than this share one bar; only what runs gets a bar of its own
SEPARATE_BARS = 12

STATE_STYLE = {
    State.SUCCEEDED: "green",
    State.FAILED: "red",
    State.CANCELLED: "yellow",
    State.RUNNING: "cyan",
    State.QUEUED: "dim",
}


def clock(seconds: float) -> str:
    """`0:07`, `12:34`, `1:02:03`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def shown_source(source: str) -> str:
    """An input as people write it: a `file:` URL as its path."""
    path = file_path(source)
    return printable(source if path is None else str(path))


def short_name(source: str) -> str:
    """The last part of a path or URL."""
    return shown_source(source).rstrip("/").rsplit("/", 1)[-1]


def job_label(job: JobView) -> str:
    """What a job is called on a screen: operation and input."""
    return f"{job.operation} {short_name(job.source_url) or job.job_id}"


class _StateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        job: JobView | None = task.fields.get("job")
        if job is None:
            return Text(f"{task.completed:.0f}/{task.total:.0f} jobs", style="cyan")
        word = job.phase if job.state is State.RUNNING and job.phase else job.state.value
        return Text(f"{word:<9}", style=STATE_STYLE[job.state])


class _SpeedColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        job: JobView | None = task.fields.get("job")
        speed = job.speed if job is not None and job.state is State.RUNNING else None
        return Text(f"{speed:5.1f}x" if speed else "      ")


class _EtaColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        job: JobView | None = task.fields.get("job")
        if job is not None and job.state is not State.RUNNING:
            return Text("")
        eta = job.eta_s if job is not None else task.time_remaining
        return Text(f"eta {clock(eta)}" if eta is not None else "")


class JobBars:
    """Bars for `jobs`, drawn by rich; `update` takes newer snapshots of any of them."""

    def __init__(self, jobs: Sequence[JobView], console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f}%"),
            _StateColumn(),
            _SpeedColumn(),
            _EtaColumn(),
            console=console,
            refresh_per_second=8,
        )
        self._separate = len(jobs) <= SEPARATE_BARS
        self._bars: dict[str, TaskID] = {}
        self._done: set[str] = set()
        self._total: TaskID | None = None
        if not self._separate:
            self._total = self._progress.add_task(jobs[0].operation, total=len(jobs), job=None)
        self.update(jobs)

    def update(self, jobs: Iterable[JobView]) -> None:
        """Show these snapshots."""
        for job in jobs:
            if job.done:
                self._done.add(job.job_id)
            if self._separate or job.state is State.RUNNING:
                self._show(job)
            elif job.job_id in self._bars:
                self._progress.remove_task(self._bars.pop(job.job_id))
        if self._total is not None:
            self._progress.update(self._total, completed=len(self._done))

    def _show(self, job: JobView) -> None:
        if job.job_id not in self._bars:
            label = job_label(job)
            self._bars[job.job_id] = self._progress.add_task(label, total=100, job=job)
        self._progress.update(self._bars[job.job_id], completed=job.progress, job=job)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
