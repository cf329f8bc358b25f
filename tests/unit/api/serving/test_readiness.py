"""The table of a HAProxy that has nothing left to be reloaded for."""

import socket
import threading
from pathlib import Path

import pytest

from reelyard.api.serving.readiness import ask_haproxy, knows_all

STATS = """\
# pxname,svname,qcur
http-api,SERVE_REPLICA_api-Api-x1,0
http-api,SERVE_PROXY_ACTOR-fallback-77,0
http-transfer,SERVE_REPLICA_transfer-Transfer-x2,0

"""


@pytest.fixture
def control(tmp_path: Path) -> Path:
    """A control socket that answers one question as HAProxy does."""
    path = tmp_path / "s"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def answer() -> None:
        with server, server.accept()[0] as client:
            assert client.recv(100) == b"show stat -1 4 -1\n"
            client.sendall(STATS.encode())

    threading.Thread(target=answer, daemon=True).start()
    return path


def test_haproxy_tells_which_servers_each_backend_has(control: Path) -> None:
    found = ask_haproxy(control)
    assert found["http-api"] == ["SERVE_REPLICA_api-Api-x1", "SERVE_PROXY_ACTOR-fallback-77"]
    assert found["http-transfer"] == ["SERVE_REPLICA_transfer-Transfer-x2"]


def test_where_no_haproxy_answers_it_knows_no_server(tmp_path: Path) -> None:
    assert ask_haproxy(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("servers", "replicas", "known"),
    [
        (["SERVE_REPLICA_a", "SERVE_PROXY_ACTOR-fallback-7"], 1, True),
        (["SERVE_REPLICA_a", "SERVE_PROXY_ACTOR-fallback-7"], 2, False),
        (["SERVE_REPLICA_a"], 1, False),
        (["SERVE_PROXY_ACTOR-fallback-7"], 1, False),
        ([], 1, False),
    ],
)
def test_haproxy_is_told_all_once_it_has_every_replica_and_the_fallback(
    servers: list[str], replicas: int, known: bool
) -> None:
    assert knows_all({"http-api": servers}, {"http-api": replicas}) is known
