"""The answer while nothing else answers is the one that the apps themselves would give."""

import importlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from reelyard.api.serving import not_ready
from reelyard.api.serving.app import error_shape
from reelyard.cluster.errors import Unavailable
from reelyard.cluster.runtime.haproxy_rules import RETRY_AFTER_S

PATHS = (
    "/",
    "/v1/jobs",
    "/v1/auth/token",
    "/v1/authority",
    "/media",
    "/media/transcode",
    "/mediator",
    "/api/media/jobs",
    "/api/uploads",
    "/api/health",
    "/jobs",
    "/tasks/1",
    "/nothing",
)


@pytest.mark.parametrize("path", PATHS)
def test_every_dialect_has_its_own_form(path: str) -> None:
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    answer = error_shape(path)(Unavailable(not_ready.MESSAGE), Request(scope))
    assert json.loads(not_ready.body_for(path)) == json.loads(bytes(answer.body))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == str(RETRY_AFTER_S)


@given(st.text())
def test_whatever_is_asked_for_the_answer_is_json(path: str) -> None:
    assert json.loads(not_ready.body_for(path))
    head, _, body = not_ready.answer_for(path).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


# Of Ray Serve 2.60, on import.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("hook", [not_ready.edge().proxy_hook, not_ready.edge().controller_hook])
def test_serve_finds_what_it_is_told_to_call(hook: str) -> None:
    place, _, name = hook.rpartition(".")
    assert callable(getattr(importlib.import_module(place), name))
