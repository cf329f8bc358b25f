"""What a client makes of answers, held against a host that is no Reelyard, and against none."""

from __future__ import annotations

import itertools
from pathlib import Path

import httpx2
import pytest

from benchmarks.fault_run.clients import Wire, has_the_form_of_its_dialect
from benchmarks.fault_run.facts import Answer
from benchmarks.fault_run.sources import file_host
from reelyard.cluster.runtime.ray_env import free_ports


def ask(url: str, path: str, allowed: frozenset[int] = frozenset()) -> Answer:
    times = itertools.count()
    wire = Wire(url, lambda: float(next(times)))
    with httpx2.Client(timeout=30) as http:
        answer = wire.ask(http, "GET", path, allowed=allowed).answer
    assert wire.answers == [answer]
    assert (answer.began_s, answer.ended_s) == (0.0, 1.0)
    return answer


def test_a_refused_connection_is_noted_as_closed() -> None:
    (port,) = free_ports(1)
    assert ask(f"http://127.0.0.1:{port}", "/v1/usage").status == 0


def test_an_error_that_is_no_json_is_not_well_formed(tmp_path: Path) -> None:
    with file_host(tmp_path) as url:
        answer = ask(url, "/v1/usage")
        allowed = ask(url, "/v1/usage", frozenset({404}))
    assert (answer.status, answer.well_formed, answer.good) == (404, False, False)
    assert allowed.good


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/usage", "detail"),
        ("/media/jobs", "instance"),
        ("/api/media/limits", "error"),
        ("/jobs", "message"),
    ],
)
def test_an_error_has_the_form_of_the_api_that_was_asked(path: str, field: str) -> None:
    right = httpx2.Response(503, json={field: "later"})
    assert has_the_form_of_its_dialect(right, path)
    assert not has_the_form_of_its_dialect(httpx2.Response(503, json={"other": 1}), path)
    assert not has_the_form_of_its_dialect(httpx2.Response(503, text="later"), path)
