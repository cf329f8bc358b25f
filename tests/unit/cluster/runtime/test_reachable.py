"""Whether anything listens at an address."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from reelyard.cluster.runtime.reachable import is_reachable


def test_a_port_where_somebody_listens_is_reachable_and_then_no_more() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        assert is_reachable(f"127.0.0.1:{port}")
        assert is_reachable(f"localhost:{port}")
    assert not is_reachable(f"127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["auto", "local", "ray://head:10001", "head"])
def test_an_address_of_another_form_is_left_to_ray(address: str) -> None:
    assert is_reachable(address)
