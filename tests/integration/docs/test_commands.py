"""The commands and programs of the documents, run as they are printed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelyard.actors.testing.sample_media import make_sample
from tests.live_server import LiveServer, file_host, live_server
from tests.paths import ROOT

PAGES = ("README.md", "docs/quickstart.md", "docs/http.md", "docs/python.md")
ELSEWHERE = (
    "make ",  # sets up this very checkout
    "git clone",
    "export ",
    "reelyard up",  # runs already
    "reelyard down",
    "reelyard top",  # until it is interrupted
    "REELYARD_URL=",
)
"""How those commands begin that other tests run, or that nothing here can."""
FILES = {
    "clip.mp4": 2.0,
    "holiday.mov": 1.0,
    "clip.mov": 1.0,
    "a.mov": 1.0,
    "talk.wav": 2.0,
    "photo.jpg": 0.0,
}


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in that language, "" for those of the shell."""
    parts = re.split(r"^```", (ROOT / page).read_text(), flags=re.MULTILINE)
    fenced = [part.partition("\n") for part in parts[1::2]]
    return [text for named, _, text in fenced if named.strip() == language]


def commands() -> list[str]:
    """Every shell command of the pages, whole and without its comment."""
    found = []
    for page in PAGES:
        for block in blocks(page, ""):
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                command = re.sub(r"\s+#.*$", "", line).strip().removeprefix(".venv/bin/")
                if command and not command.startswith(ELSEWHERE):
                    found.append(command)
    # From the first key on, requests without one are refused.
    return sorted(dict.fromkeys(found), key=lambda command: "keys create" in command)


def programs() -> list[str]:
    return [block for page in PAGES for block in blocks(page, "python")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the files that the documents speak of."""
    found = tmp_path_factory.mktemp("reader")
    for name, length_s in FILES.items():
        make_sample(found / name, duration_s=length_s or 1.0, width=320, height=180)
    (found / "clips").mkdir()
    make_sample(found / "clips/one.mp4", duration_s=1.0)
    return found


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[str]:
    with file_host(folder) as url:
        yield url


@pytest.fixture(scope="module")
def server(web: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    settings = {"fetch_allow_hosts": web.removeprefix("http://")}
    with live_server(tmp_path_factory.mktemp("server") / "data", settings) as found:
        yield found


@pytest.fixture(scope="module")
def ended_job(server: LiveServer, folder: Path) -> str:
    (job,) = server.cli("run", "probe", str(folder / "clip.mp4"))["jobs"]
    return str(job["job_id"])


def run(server: LiveServer, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{server.env['PATH']}"
    return subprocess.run(
        words,
        check=False,
        cwd=folder,
        env=server.env | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=90,
    )


def test_the_documents_show_commands_and_programs() -> None:
    assert len(commands()) > 20
    assert len(programs()) > 3


@pytest.mark.parametrize("command", commands())
def test_a_command_does_what_the_document_says(
    command: str, server: LiveServer, web: str, folder: Path, ended_job: str
) -> None:
    here = command.replace("http://127.0.0.1:8000", server.url).replace("JOB_ID", ended_job)
    here = here.replace("https://example.com", web).replace("curl ", "curl -sS --fail-with-body ")
    done = run(server, folder, "bash", "-c", here)
    # That job has ended already: there is nothing to cancel or to try again.
    refused = command.startswith(("reelyard cancel", "reelyard retry"))
    assert done.returncode == (5 if refused else 0), done.stdout + done.stderr


@pytest.mark.parametrize("program", programs())
def test_a_program_of_the_documents_runs(program: str, server: LiveServer, folder: Path) -> None:
    names = 'paths = ["clip.mp4", "holiday.mov"]\nfrom reelyard import connect\n'
    done = run(server, folder, sys.executable, "-c", names + program)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Error" not in done.stdout
