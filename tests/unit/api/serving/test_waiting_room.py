"""While a server starts, whoever calls is told to come again."""

import socket

import pytest
import requests

from reelyard.api.serving.waiting_room import WaitingRoom, listening_socket
from reelyard.cluster.errors import BadRequest
from reelyard.cluster.runtime.ray_env import free_ports


@pytest.fixture
def port() -> int:
    (found,) = free_ports(1)
    return found


@pytest.mark.parametrize(
    ("path", "field"), [("/v1/jobs", "detail"), ("/tasks", "kind"), ("/media/x", "type")]
)
def test_every_call_is_told_to_come_again(port: int, path: str, field: str) -> None:
    with WaitingRoom("127.0.0.1", port):
        for method in ("GET", "POST"):
            url = f"http://127.0.0.1:{port}{path}?a=b"
            answer = requests.request(method, url, data=b"x" * 100_000, timeout=10)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert field in answer.json()


def test_one_that_says_nothing_keeps_nobody_waiting(port: int) -> None:
    with WaitingRoom("127.0.0.1", port):
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(10)]
        assert requests.get(f"http://127.0.0.1:{port}/", timeout=10).status_code == 503
        for each in silent:
            each.close()


def test_the_server_can_take_the_port_meanwhile(port: int) -> None:
    room = WaitingRoom("127.0.0.1", port)
    with listening_socket("127.0.0.1", port) as server:
        room.close()
        room.close()
        with socket.create_connection(("127.0.0.1", port)):
            server.settimeout(10)
            server.accept()[0].close()


def test_a_port_that_another_server_has_is_told(port: int) -> None:
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(BadRequest, match=f"{port} is in use"),
    ):
        WaitingRoom("127.0.0.1", port)


def test_an_address_of_another_machine_is_told(port: int) -> None:
    with pytest.raises(BadRequest, match="can't be bound"):
        WaitingRoom("192.0.2.1", port)
