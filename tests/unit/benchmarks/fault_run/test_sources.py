from __future__ import annotations

from pathlib import Path

import pytest
import requests

from benchmarks.fault_run.schedule import TENANTS, Kind, PlannedJob
from benchmarks.fault_run.sources import BROKEN, CLIPS, SOUNDS, body_of, file_host, make_sources


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "sources"
    make_sources(folder)
    return folder


def test_every_source_that_a_job_names_is_made(sources: Path) -> None:
    assert {path.name for path in sources.iterdir()} == {*CLIPS, *SOUNDS, *BROKEN}


@pytest.mark.parametrize("kind", list(Kind))
def test_a_job_is_asked_for_in_the_same_words_each_time(kind: Kind) -> None:
    job = PlannedJob(5, TENANTS[0], kind)
    body = body_of(job, "http://127.0.0.1:1")
    assert body == body_of(job, "http://127.0.0.1:1")
    assert body["metadata"] == {"number": 5, "kind": kind}
    assert ("url" in body) is (kind is not Kind.POISON)


def test_the_host_serves_the_files(sources: Path) -> None:
    with file_host(sources) as url:
        found = requests.get(f"{url}/{CLIPS[0]}", timeout=60)
    assert found.content == (sources / CLIPS[0]).read_bytes()
