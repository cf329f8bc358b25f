"""What stands between strangers and the server: what they are told while it starts, what they may
hold, and what of a request counts."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from tests.dialects.fixture_types import Headers
from tests.live_server import PATHS, LiveServer

FIELDS = dict(zip(PATHS, ("detail", "instance", "error", "message", "detail"), strict=True))
IDLE, SLOW = 800, 100


def test_whoever_calls_while_the_server_starts_is_told_to_come_again(server: LiveServer) -> None:
    answers = server.start_answers
    first = next(n for n, answer in enumerate(answers) if answer.status)
    told = [answer for answer in answers[first:] if answer.status == 503]
    assert {answer.path for answer in told} == set(PATHS)
    for answer in told:
        assert answer.retry_after == "2"
        assert FIELDS[answer.path] in json.loads(answer.body)
    # Once somebody answers, nobody is refused, and nobody is told that there is no such path.
    assert {answer.status for answer in answers[first:]} <= {200, 401, 503}


@pytest.fixture
def crowd(server: LiveServer) -> Iterator[list[socket.socket]]:
    """Connections that bring nothing, half a head, or half a body."""
    body = b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n{"
    with ExitStack() as held:
        found = []
        for sent in [b""] * IDLE + [b"GET / HTTP/1.1\r\nHost:"] * SLOW + [body] * SLOW:
            found.append(held.enter_context(connect(server)))
            found[-1].sendall(sent)
        yield found


def connect(server: LiveServer) -> socket.socket:
    parts = urlsplit(server.url)
    return socket.create_connection((parts.hostname, parts.port), 30)


def test_a_crowd_that_brings_no_request_keeps_nobody_waiting(
    server: LiveServer, bearer: Headers, crowd: list[socket.socket]
) -> None:
    for number, held in enumerate(crowd):
        if number % 50 == 0:
            answer = requests.get(f"{server.url}/v1/usage", headers=bearer, timeout=30)
            assert answer.status_code == 200
        # It drips, but never gets anywhere.
        if number >= IDLE:
            held.sendall(b"x")


def said(server: LiveServer, request: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to what is sent as it is."""
    with connect(server) as client, client.makefile("rb") as answer:
        client.sendall(request)
        whole = answer.read()
    head, _, body = whole.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_a_key_in_a_trailer_opens_nothing(server: LiveServer, bearer: Headers) -> None:
    key = f"Authorization: {bearer['Authorization']}\r\n".encode()
    start = b"POST /v1/jobs:batchGet HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    chunked = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    body = b'c\r\n{"ids": []}\n\r\n0\r\n'
    assert said(server, start + chunked + b"\r\n" + body + key + b"\r\n")[0] == 401
    assert said(server, start + chunked + key + b"\r\n" + body + b"\r\n")[0] != 401


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key", "X-Api-Key", "Host"])
def test_two_of_a_header_that_may_come_once_are_refused(
    server: LiveServer, bearer: Headers, name: str
) -> None:
    own = f"Authorization: {bearer['Authorization']}\r\nHost: localhost\r\nX-Api-Key: a\r\n"
    lines = f"GET /v1/usage HTTP/1.1\r\n{own}Idempotency-Key: a\r\n{name}: other\r\n"
    status, _ = said(server, f"{lines}Connection: close\r\n\r\n".encode())
    assert status == 400


def test_two_lengths_are_refused(server: LiveServer) -> None:
    lines = b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n"
    assert said(server, lines + b"Connection: close\r\n\r\nxy")[0] == 400


def test_a_strangers_host_never_gets_into_a_link(server: LiveServer, bearer: Headers) -> None:
    for path in ("/v1/uploads", "/api/uploads"):
        answer = requests.post(
            f"{server.url}{path}",
            headers=bearer | {"Host": "evil.test", "Upload-Length": "5", "Tus-Resumable": "1.0.0"},
            allow_redirects=False,
            timeout=30,
        )
        assert "evil.test" not in answer.text + str(answer.headers)
