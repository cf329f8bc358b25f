"""Clients that hold connections and do nothing with them: idle, or slow with a head or a body.

`python -m benchmarks.harness.crowd_process PORT IDLE HEADS BODIES` opens that many, from several
addresses of the loopback network, says how many it holds, and holds them until its input ends.
What the server cuts off is opened anew, so that the crowd stays as large as it was.
"""

from __future__ import annotations

import itertools
import select
import socket
import sys
import time
from collections.abc import Iterator

ADDRESSES = [f"127.0.0.{number}" for number in range(2, 10)]
TICKS = 10
"""Parts of a second: in each, a tenth of the crowd has its turn."""
HEAD = b"GET /v1/jobs HTTP/1.1\r\nHost: a\r\nX-Slow: "
BODY = (
    b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100000\r\n\r\n{"
)


class Client:
    """A connection that is kept open; `start` is sent at once, then a byte a second."""

    def __init__(self, port: int, start: bytes, address: str) -> None:
        self._port = port
        self._start = start
        self._address = address
        self._socket: socket.socket | None = None

    def open(self) -> bool:
        """Whether it is connected now."""
        self.close()
        try:
            self._socket = socket.create_connection(
                ("127.0.0.1", self._port), timeout=10, source_address=(self._address, 0)
            )
            self._socket.sendall(self._start)
            self._socket.setblocking(False)
        except OSError:
            self.close()
        return self._socket is not None

    def go_on(self) -> None:
        """Send the next byte, if this one sends any; open anew where the server has cut it off."""
        if self._socket is None or self._cut_off():
            self.open()
            return
        if self._start:
            try:
                self._socket.send(b"x")
            except OSError:
                self.open()

    def _cut_off(self) -> bool:
        assert self._socket is not None
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLHUP)
        return bool(poll.poll(0))

    def close(self) -> None:
        """End it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def crowd(port: int, idle: int, heads: int, bodies: int) -> Iterator[Client]:
    """Clients, not yet connected, whose kinds and addresses alternate."""
    kinds = [b""] * idle + [HEAD] * heads + [BODY] * bodies
    addresses = itertools.cycle(ADDRESSES)
    return (Client(port, start, address) for start, address in zip(kinds, addresses, strict=False))


def main() -> None:
    """Open them, tell, hold."""
    clients = list(crowd(*map(int, sys.argv[1:])))
    print(sum(client.open() for client in clients), flush=True)
    for tick in itertools.count():
        began = time.monotonic()
        for client in clients[tick % TICKS :: TICKS]:
            client.go_on()
        left = max(0.0, 1 / TICKS - (time.monotonic() - began))
        if select.select([sys.stdin], [], [], left)[0]:
            break
    for client in clients:
        client.close()


if __name__ == "__main__":
    main()
