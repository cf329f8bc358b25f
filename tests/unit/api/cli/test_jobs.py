"""What `reelyard jobs` and `show` say, and where they find it when no cluster runs."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reelyard.actors.jobs.model import ErrorInfo, Job, OutputFile, State
from reelyard.actors.registry.store.protocol import Write
from reelyard.actors.registry.store.sqlite.store import SQLiteStore
from reelyard.api.cli.app import build
from reelyard.api.cli.jobs import details_of
from reelyard.api.client.request import TENANT
from reelyard.api.client.views import JobView, OutputView
from tests.unit.actors.registry.builders import make_job


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REELYARD_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("REELYARD_RAY_ADDRESS", raising=False)
    monkeypatch.delenv("REELYARD_URL", raising=False)
    return tmp_path


@pytest.fixture
def kept(home: Path) -> list[Job]:
    """Jobs in the store that a cluster has left: one done, one that ran when it was killed."""
    output = OutputFile("clip.jpg", "storage:a/clip.jpg", 3, "0" * 64, "image/jpeg", "image")
    jobs = [
        make_job(tenant=TENANT, state=State.SUCCEEDED, outputs=[output]),
        make_job(tenant=TENANT, state=State.RUNNING),
    ]

    async def keep() -> None:
        store = SQLiteStore(home / "jobs.db")
        await store.open()
        await store.write([Write(job, 0) for job in jobs])
        await store.close()

    asyncio.run(keep())
    return jobs


def reelyard(*words: str) -> Result:
    return CliRunner().invoke(build(words), list(words))


def test_jobs_are_listed_from_the_store(kept: list[Job]) -> None:
    done = reelyard("jobs", "--json")
    assert done.exit_code == 0
    assert "no cluster answers" in done.stderr
    listed = json.loads(done.stdout)["jobs"]
    assert [(job["job_id"], job["state"]) for job in listed] == [
        (kept[1].id, "running"),
        (kept[0].id, "succeeded"),
    ]
    (one,) = json.loads(reelyard("jobs", "--state", "succeeded", "--json").stdout)["jobs"]
    assert one["job_id"] == kept[0].id


def test_a_job_is_shown_with_its_outputs_where_they_lie(home: Path, kept: list[Job]) -> None:
    shown = json.loads(reelyard("show", kept[0].id, "--json").stdout)
    (output,) = shown["outputs"]
    assert output["url"] == (home / "objects/a/clip.jpg").as_uri()
    assert kept[0].id in reelyard("show", kept[0].id).stdout


def test_a_job_that_never_was_is_not_found(kept: list[Job]) -> None:
    done = reelyard("show", "01900000-0000-7000-8000-000000000000")
    assert done.exit_code == 6
    assert "not_found" in done.stderr


@pytest.mark.parametrize("command", ["cancel", "retry", "wait"])
def test_what_needs_a_cluster_says_so(kept: list[Job], command: str) -> None:
    done = reelyard(command, kept[1].id)
    assert done.exit_code == 4
    assert "reelyard up" in done.stderr


def test_without_a_store_no_cluster_answers_and_nothing_is_made(home: Path) -> None:
    done = reelyard("jobs")
    assert done.exit_code == 4
    assert "reelyard up" in done.stderr
    assert list(home.iterdir()) == []


def test_a_failed_job_ends_with_the_traceback_of_its_operation() -> None:
    error = ErrorInfo("internal", "it failed", details={"traceback": "File mine.py\nKeyError\n"})
    lines = details_of(JobView("id", "boom", State.FAILED, source_url="a.mp4", error=error))
    assert lines[-3:] == ["", "File mine.py", "KeyError"]
    assert "  error      internal: it failed" in lines
    bare = JobView("id", "boom", State.FAILED, error=ErrorInfo("internal", "it failed"))
    assert details_of(bare)[-1] == "  error      internal: it failed"


def test_names_that_are_not_utf_8_can_be_printed() -> None:
    url = Path(os.fsdecode(b"/clips/caf\xe9.mp4")).as_uri()
    job = JobView("id", "probe", State.SUCCEEDED, source_url=url, outputs=[OutputView("a", url)])
    assert len([line for line in details_of(job) if "caf\ufffd.mp4" in line]) == 2
