"""Ended jobs on a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from reelyard.actors.jobs.model import ErrorInfo, State
from reelyard.api.client.results_view import human_bytes, results_view
from reelyard.api.client.views import JobView, OutputView


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


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (4200, "4.2 kB"), (1.3e9, "1.3 GB")]
)
def test_sizes_are_shown_in_powers_of_a_thousand(size: float, text: str) -> None:
    assert human_bytes(size) == text
