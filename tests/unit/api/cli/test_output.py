"""Tables and exit codes of the command."""

from __future__ import annotations

import msgspec
import pytest
from rich.console import Console

from actors.jobs.model import State
from api.cli import output
from api.cli.output import Exit, exit_code, jobs_table
from api.client.views import JobView
from cluster.errors import (
    Conflict,
    CorruptMedia,
    NotFound,
    ReelyardError,
    SourceNotFound,
    Unauthorized,
    Unavailable,
    ValidationFailed,
)


def test_a_list_of_jobs_cuts_nothing_short_but_the_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(width=120, highlight=False, soft_wrap=True)
    monkeypatch.setattr(output, "console", screen)
    far = JobView("i" * 36, "optimize", State.RUNNING, "x" * 200, progress=5.0, eta_s=4000.0)
    with screen.capture() as capture:
        screen.print(jobs_table([msgspec.structs.replace(far, created_at="2030-01-31T12:00:00Z")]))
    head, line = capture.get().splitlines()
    assert "progress" in head
    assert "5% eta 1:06:40" in line
    assert line.endswith("x…  2030-01-31T12:00:00Z")
    assert len(line) == 120


def test_a_narrow_terminal_leaves_ids_whole_and_names_readable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Console(width=40, highlight=False, soft_wrap=True)
    monkeypatch.setattr(output, "console", screen)
    with screen.capture() as capture:
        spaced = JobView("i" * 36, "probe", State.FAILED, "file:///a/b%20c.mp4")
        screen.print(jobs_table([spaced]))
    assert capture.get().splitlines()[1].split() == [
        "i" * 36,
        "probe",
        "failed",
        "0%",
        "b",
        "c.mp4",
    ]


def test_exit_codes_tell_a_refusal_from_a_failure_from_silence() -> None:
    assert exit_code(ValidationFailed()) is Exit.USAGE
    assert exit_code(NotFound()) is Exit.USAGE
    assert exit_code(Unauthorized()) is Exit.USAGE
    assert exit_code(Conflict()) is Exit.USAGE
    assert exit_code(SourceNotFound()) is Exit.USAGE
    assert exit_code(ReelyardError()) is Exit.FAILED
    assert exit_code(Unavailable()) is Exit.UNREACHABLE
    assert exit_code(CorruptMedia()) is Exit.FAILED
