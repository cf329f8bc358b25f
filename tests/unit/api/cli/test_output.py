"""Tables and exit codes of the command."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from actors.jobs.model import ErrorInfo, State
from api.cli import output
from api.cli.output import Exit, exit_code, human_bytes, jobs_table, results_view
from api.client.views import JobView, OutputView
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


def job(*urls: str, source: str = "file:///films/clip.mp4", **fields: object) -> JobView:
    outputs = [OutputView(url.rsplit("/", 1)[-1], url, size=1500) for url in urls]
    state = State.FAILED if fields else State.SUCCEEDED
    return JobView("id", "transcode", state, source, outputs=outputs, **fields)  # type: ignore[arg-type]


def printed(jobs: list[JobView], width: int = 80) -> list[str]:
    console = Console(width=width, highlight=False, soft_wrap=True)
    with console.capture() as capture:
        console.print(results_view(jobs))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_folder_is_named_once_and_files_by_their_place_in_it() -> None:
    folder = "/a/very/long/path/that/takes/all/of/a/narrow/terminal/and/more"
    lines = printed([job(f"file://{folder}/small%20one.mp4"), job(f"file://{folder}/b/clip.gif")])
    assert lines[0] == f"results in {folder}/"
    assert [line.split()[-2:] for line in lines[2:]] == [["small", "one.mp4"], ["kB", "b/clip.gif"]]


def test_a_folder_below_the_working_folder_is_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = printed([job((tmp_path / "out" / "a[b].mp4").as_uri())])
    assert lines[0] == "results in out/"
    assert lines[2].endswith("1.5 kB  a[b].mp4")


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


def test_a_long_link_stands_whole_below_the_table() -> None:
    url = "https://media.test/" + "a" * 200
    lines = printed([job(f"{url}/clip.mp4")])
    assert lines[1].endswith("1.5 kB  clip.mp4")
    assert lines[2] == f"clip.mp4: {url}/clip.mp4"


def test_urls_errors_and_data_need_no_folder() -> None:
    failed = job(error=ErrorInfo("corrupt_media", "it is [damaged]"))
    lines = printed([job("https://media.test/a.mp4"), failed, job()], 120)
    assert not any("results in" in line for line in lines)
    assert lines[1].endswith("1.5 kB  https://media.test/a.mp4")
    assert lines[2].endswith("corrupt_media: it is [damaged]")


def test_exit_codes_tell_a_refusal_from_a_failure_from_silence() -> None:
    assert exit_code(ValidationFailed()) is Exit.USAGE
    assert exit_code(NotFound()) is Exit.USAGE
    assert exit_code(Unauthorized()) is Exit.USAGE
    assert exit_code(Conflict()) is Exit.USAGE
    assert exit_code(SourceNotFound()) is Exit.USAGE
    assert exit_code(ReelyardError()) is Exit.FAILED
    assert exit_code(Unavailable()) is Exit.UNREACHABLE
    assert exit_code(CorruptMedia()) is Exit.FAILED


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (4200, "4.2 kB"), (1.3e9, "1.3 GB")]
)
def test_sizes_are_shown_in_powers_of_a_thousand(size: float, text: str) -> None:
    assert human_bytes(size) == text
