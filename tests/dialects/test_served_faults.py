"""What clients notice when a part of the HTTP edge is killed: a moment, in words they know."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psutil
import requests

from tests.dialects.fixture_types import Headers
from tests.live_server import LiveServer

PATIENCE_S = 60.0


def haproxy(server: LiveServer) -> psutil.Process:
    """The HAProxy that takes new connections: the youngest, as those before it only drain."""
    found = [process for process in server.family() if process.name() == "haproxy"]
    return max(found, key=lambda process: process.create_time())


def usage(server: LiveServer, bearer: Headers) -> requests.Response:
    return requests.get(f"{server.url}/v1/usage", headers=bearer, timeout=PATIENCE_S)


def answers_again(server: LiveServer, bearer: Headers) -> bool:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if usage(server, bearer).status_code == 200:
                return True
        except requests.ConnectionError:
            time.sleep(0.05)
    return False


def test_a_killed_haproxy_is_started_again_without_its_owner_being_replaced(
    server: LiveServer, bearer: Headers
) -> None:
    assert answers_again(server, bearer)
    owner, killed = server.actor("ray::HAProxyManager"), haproxy(server)
    for _ in range(2):
        killed.kill()
        killed.wait(PATIENCE_S)
        assert answers_again(server, bearer)
        assert haproxy(server).pid != killed.pid
        killed = haproxy(server)
    assert server.actor("ray::HAProxyManager").pid == owner.pid


def test_requests_that_may_be_repeated_outlive_the_replica_that_had_them(
    server: LiveServer, bearer: Headers
) -> None:
    assert answers_again(server, bearer)
    over = Event()

    def ask() -> list[requests.Response]:
        answers = []
        while not over.is_set():
            answers.append(usage(server, bearer))
        return answers

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask) for _ in range(4)]
        killed = server.actor("ray::ServeReplica:api:")
        killed.kill()
        killed.wait(PATIENCE_S)
        assert answers_again(server, bearer)
        over.set()
        answers = [answer for future in asked for answer in future.result()]
    assert {answer.status_code for answer in answers} <= {200, 503}
    for answer in answers:
        if answer.status_code == 503:
            assert answer.headers["Retry-After"] == "2"
            assert answer.json()["code"] == "service_unavailable"


SILENT_PATHS = {
    "/healthz": "code",
    "/v1/usage": "code",
    "/v1/jobs/01890000-0000-7000-8000-000000000000?wait=20": "code",
    "/media/transcode?job_id=01890000-0000-7000-8000-000000000000": "title",
    "/api/usage": "error",
    "/tasks": "kind",
}
"""What needs the registry, and a field that its dialect's errors have."""


def test_a_registry_that_answers_nothing_is_told_within_3_s_in_each_dialects_form(
    server: LiveServer, bearer: Headers
) -> None:
    assert answers_again(server, bearer)
    registry = server.actor("ray::JobRegistry")
    registry.suspend()
    try:
        with ThreadPoolExecutor(len(SILENT_PATHS)) as pool:
            # Whoever waits longer than that gets no answer at all, and the test its error.
            asked = {
                path: pool.submit(requests.get, server.url + path, headers=bearer, timeout=10)
                for path in SILENT_PATHS
            }
            answers = {path: future.result() for path, future in asked.items()}
    finally:
        registry.resume()
    for path, answer in answers.items():
        assert (path, answer.status_code) == (path, 503)
        assert answer.headers["Retry-After"]
        assert SILENT_PATHS[path] in answer.json()
    assert answers_again(server, bearer)
