"""Tables and exit codes of the command."""

from __future__ import annotations

import msgspec
import pytest
from rich.console import Console

from reelyard.actors.jobs.model import State
from reelyard.api.cli import output
from reelyard.api.cli.output import Exit, exit_code, jobs_table, refusals_exit_code
from reelyard.api.client.views import JobView
from reelyard.cluster.errors import (
    Conflict,
    CorruptMedia,
    InsufficientCredits,
    NotFound,
    ReelyardError,
    SourceNotFound,
    Unauthorized,
    Unavailable,
    UnknownOperation,
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


def test_a_list_of_jobs_fits_sixty_columns_with_whole_ids_and_states(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Console(width=60, highlight=False, soft_wrap=True)
    monkeypatch.setattr(output, "console", screen)
    jobs = [
        JobView("i" * 36, "probe", State.SUCCEEDED, "file:///a/b%20c.mp4", progress=100.0),
        JobView("j" * 36, "transcode", State.RUNNING, "x" * 99, progress=42.0, eta_s=9000.0),
    ]
    with screen.capture() as capture:
        screen.print(jobs_table(jobs))
    lines = capture.get().splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[1].split() == ["i" * 36, "succeeded"]
    assert lines[2].split() == ["probe", "b", "c.mp4"]
    assert lines[3].split() == ["j" * 36, "running", "42%"]
    assert lines[4].startswith("  transcode  xxx")


def test_refusals_of_several_jobs_end_with_the_code_that_they_share() -> None:
    assert refusals_exit_code([NotFound(), NotFound()]) is Exit.NOT_FOUND
    assert refusals_exit_code([NotFound(), Conflict()]) is Exit.REFUSED


def test_exit_codes_tell_wrong_usage_from_a_refusal_from_what_is_not_there() -> None:
    assert exit_code(ValidationFailed()) is Exit.USAGE
    assert exit_code(UnknownOperation()) is Exit.USAGE
    assert exit_code(NotFound()) is Exit.NOT_FOUND
    assert exit_code(SourceNotFound()) is Exit.NOT_FOUND
    assert exit_code(Unauthorized()) is Exit.REFUSED
    assert exit_code(Conflict()) is Exit.REFUSED
    assert exit_code(InsufficientCredits()) is Exit.REFUSED
    assert exit_code(ReelyardError()) is Exit.FAILED
    assert exit_code(Unavailable()) is Exit.UNREACHABLE
    assert exit_code(CorruptMedia()) is Exit.FAILED
