"""Ended jobs on a terminal: where their files lie, how large they are, or what went wrong."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reelyard.api.client.progress_bars import STATE_STYLE, short_name
from reelyard.api.client.terminal_text import escape
from reelyard.api.client.views import JobView, OutputView
from reelyard.cluster.readable_text import printable

#: a longer URL gets a line of its own below the table, where a terminal does not break it
LONGEST_URL = 60
#: values of an operation's data that a table shows; `--json` has all
SUMMARY_VALUES = 9


def results_view(jobs: Sequence[JobView]) -> RenderableType:
    """What ended jobs have made: the folder of all files, then a table of them with their sizes,
    or what went wrong."""
    outputs = [output for job in jobs for output in job.outputs]
    links = [
        Text(printable(f"{output.name}: {output.url}"), no_wrap=True, overflow="ignore")
        for output in outputs
        if _is_link(output)
    ]
    paths = [output.path for output in outputs if output.path is not None]
    if not paths:
        return Group(_results_table(jobs, None), *links)
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    where = Text(f"results in {printable(str(relative(folder)))}{os.sep}", overflow="fold")
    return Group(where, _results_table(jobs, folder), *links)


def _is_link(output: OutputView) -> bool:
    return output.path is None and len(output.url) > LONGEST_URL


def _results_table(jobs: Iterable[JobView], folder: Path | None) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("operation", "input", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("result", overflow="fold")
    for job in jobs:
        name = escape(short_name(job.source_url))
        first = (job.operation, name, state_text(job))
        if job.error is not None:
            table.add_row(*first, "", f"{job.error.code}: {escape(job.error.message)}")
        elif not job.outputs:
            table.add_row(*first, "", escape(summary(job.result_data or {})))
        for output in job.outputs:
            path = output.path
            place = path.relative_to(folder) if path and folder else output.url
            shown = output.name if _is_link(output) else printable(str(place))
            table.add_row(*first, human_bytes(output.size), escape(shown))
            first = ("", "", "")
    return table


def summary(data: dict[str, Any]) -> str:
    """The first plain values of an operation's data, on one line."""
    plain = {
        name: f"{value:g}" if isinstance(value, float) else value
        for name, value in data.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }
    return "  ".join(f"{name}={value}" for name, value in list(plain.items())[:SUMMARY_VALUES])


def relative(path: Path) -> Path:
    """`path` from the working folder, if it lies below it."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def state_text(job: JobView) -> str:
    """The state in its colour."""
    return f"[{STATE_STYLE[job.state]}]{job.state.value}[/]"


def human_bytes(size: float) -> str:
    """`812 B`, `4.2 kB`, `1.3 GB` (powers of 1000)."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
