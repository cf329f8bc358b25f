"""The printing of tables, errors and JSON, and the exit codes that a command ends with."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table

from reelyard.actors.jobs.model import State
from reelyard.api.client.progress_bars import clock, short_name, shown_source
from reelyard.api.client.results_view import state_text
from reelyard.api.client.terminal_text import escape
from reelyard.api.client.views import JobView
from reelyard.cluster.errors import (
    BadRequest,
    Gone,
    MediaError,
    NotFound,
    ReelyardError,
    SourceNotFound,
    SourceUnreadable,
    Unavailable,
    ValidationFailed,
)

#: width of tables that go into a file or a pipe
PLAIN_WIDTH = 160
#: below this many columns a list of jobs goes without the time of creation
FULL_WIDTH = 110
#: below this many, a job takes two lines
LEAST_WIDTH = 84
#: what those two lines take: an id, a state and its progress
LEAST_NARROW = 52
LEAST_INPUT = 12
COLUMN_GAP = 2

console = Console(
    highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PLAIN_WIDTH
)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def health_text(health: dict[str, Any]) -> str:
    """One line: the status, and what is wrong."""
    reasons = [
        f"{name}: {part['reason']}" for name, part in health["parts"].items() if part["reason"]
    ]
    colour = {"ok": "green", "degraded": "yellow"}.get(health["status"], "red")
    return "  ".join((f"[{colour}]{health['status']}[/]", escape("; ".join(reasons)))).strip()


class Exit(IntEnum):
    """Exit codes of `reelyard`."""

    OK = 0
    FAILED = 1  #: a job failed, or something went wrong
    USAGE = 2  #: wrong usage: unknown option, operation or parameter, a value that is not allowed
    CANCELLED = 3  #: a job was cancelled by someone
    UNREACHABLE = 4  #: no cluster answers
    REFUSED = 5  #: understood and refused: no right, no credits, the state does not allow it
    NOT_FOUND = 6  #: no such job, key or file
    INTERRUPTED = 130  #: Ctrl-C, as shells expect it


def exit_code(error: ReelyardError) -> Exit:
    """The exit code for an error that ended the command."""
    if isinstance(error, Unavailable):
        return Exit.UNREACHABLE
    if isinstance(error, NotFound | Gone | SourceNotFound):
        return Exit.NOT_FOUND
    if isinstance(error, ValidationFailed | BadRequest):
        return Exit.USAGE
    # Inputs are looked at before there is a job that could fail.
    if isinstance(error, SourceUnreadable):
        return Exit.USAGE
    refused = not isinstance(error, MediaError) and 400 <= error.http_status < 500
    return Exit.REFUSED if refused else Exit.FAILED


def refusals_exit_code(refused: Iterable[ReelyardError]) -> Exit:
    """The exit code for refusals of several things: the one that they share, else `REFUSED`."""
    codes = {exit_code(error) for error in refused}
    return codes.pop() if len(codes) == 1 else Exit.REFUSED


def jobs_exit_code(jobs: Iterable[JobView]) -> Exit:
    """The exit code for jobs that have ended: the worst of them counts."""
    states = {job.state for job in jobs}
    if State.FAILED in states:
        return Exit.FAILED
    return Exit.CANCELLED if State.CANCELLED in states else Exit.OK


def print_json(data: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(data)).decode() + "\n")
    sys.stdout.flush()


def fail(error: ReelyardError, *, as_json: bool) -> int:
    """Print an error where scripts or people look for it; its exit code."""
    if as_json:
        print_json({"error": error.as_dict()})
    else:
        errors.print(f"[red]error[/red] ({error.code}): {escape(error.message)}")
    return exit_code(error)


def command[**P](function: Callable[P, int | None]) -> Callable[P, None]:
    """Make a command of a function that returns an exit code and may raise `ReelyardError`."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = function(*args, **kwargs) or Exit.OK
        except ReelyardError as error:
            code = fail(error, as_json=bool(kwargs.get("as_json")))
        except KeyboardInterrupt:
            code = Exit.INTERRUPTED
        except BrokenPipeError:
            # Whoever read our output has gone; Python would complain once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = Exit.FAILED
        raise SystemExit(int(code))

    return wrapper


def jobs_table(jobs: Iterable[JobView]) -> RenderableType:
    """A list of jobs: a line each, or two where a line has no room. Ids are never cut."""
    rows = [(job, _progress(job)) for job in jobs]
    return _wide(rows) if console.width >= LEAST_WIDTH else _narrow(rows)


def _narrow(rows: list[tuple[JobView, str]]) -> Table:
    whole, state = max(console.width, LEAST_NARROW), LEAST_NARROW - 36 - COLUMN_GAP
    table = Table(box=None, pad_edge=False, width=whole)
    table.add_column("job", no_wrap=True, overflow="ellipsis", width=whole - state - COLUMN_GAP)
    table.add_column("state", no_wrap=True, width=state)
    for job, progress in rows:
        done = "" if job.done else f" {progress.partition(' ')[0]}"
        table.add_row(job.job_id, f"{state_text(job)}{done}")
        table.add_row(f"  {job.operation}  {escape(short_name(job.source_url))}", "")
    return table


def _wide(rows: list[tuple[JobView, str]]) -> Table:
    full = console.width >= FULL_WIDTH
    widths = {
        "job": 36,
        "operation": max([9, *(len(job.operation) for job, _ in rows)]),
        "state": 9,
        "progress": max([8, *(len(progress) for _, progress in rows)]),
        "input": LEAST_INPUT,
        "created": 20,
    }
    if not full:
        del widths["created"]
    # Only inputs are cut short. (rich 15 would take from all columns alike, down to nothing.)
    left = console.width - sum(widths.values()) - COLUMN_GAP * (len(widths) - 1)
    longest = max([0, *(len(job.source_url) for job, _ in rows)])
    widths["input"] += max(0, min(left, longest - LEAST_INPUT))
    whole = sum(widths.values()) + COLUMN_GAP * (len(widths) - 1)
    table = Table(box=None, pad_edge=False, width=whole)
    for name, width in widths.items():
        table.add_column(
            name,
            no_wrap=True,
            overflow="ellipsis",
            width=width,
            justify="right" if name == "progress" else "left",
        )
    for job, progress in rows:
        source = shown_source(job.source_url) if full else short_name(job.source_url)
        cells = [job.job_id, job.operation, state_text(job), progress, escape(source)]
        table.add_row(*cells, *([job.created_at] if full else []))
    return table


def _progress(job: JobView) -> str:
    eta = f" eta {clock(job.eta_s)}" if job.state is State.RUNNING and job.eta_s is not None else ""
    return f"{job.progress:.0f}%{eta}"
