from __future__ import annotations

import socket

from benchmarks.harness.crowd_process import HEAD, Client, crowd


def test_a_crowd_has_clients_of_each_kind_from_several_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        clients = list(crowd(port, idle=2, heads=1, bodies=1))
        assert all(client.open() for client in clients)
        seen = [server.accept() for _ in clients]
        assert len({address for _, (address, _) in seen}) == 4
        assert len([peer for peer, _ in seen if heard(peer).startswith(b"POST")]) == 1
        for client, (peer, _) in zip(clients, seen, strict=True):
            client.close()
            peer.close()


def test_a_slow_client_sends_a_byte_at_each_turn() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = Client(server.getsockname()[1], HEAD, "127.0.0.2")
        client.open()
        peer, _ = server.accept()
        assert heard(peer) == HEAD
        client.go_on()
        assert heard(peer) == b"x"
        peer.close()
        client.close()


def test_a_client_that_was_cut_off_comes_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = Client(server.getsockname()[1], HEAD, "127.0.0.2")
        client.open()
        server.accept()[0].close()
        client.go_on()
        peer, _ = server.accept()
        assert heard(peer) == HEAD
        peer.close()
        client.close()


def heard(peer: socket.socket) -> bytes:
    peer.settimeout(0.2)
    try:
        return peer.recv(4096)
    except TimeoutError:
        return b""
