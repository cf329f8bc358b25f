"""Whoever calls while the server starts: told at once to come again, instead of being refused.

HAProxy takes the port some seconds into the start. Until then this process holds it, beside which
HAProxy can take it too (`SO_REUSEPORT`, which both set).
"""

from __future__ import annotations

import errno
import socket
import threading
from types import TracebackType
from typing import Self

from reelyard.api.serving.not_ready import answer_for
from reelyard.cluster.errors import BadRequest

BACKLOG = 128
HEAD_S = 2.0
MOST_CALLERS = 64
MOST_HEAD_BYTES = 16 << 10


class WaitingRoom:
    """Answers every request at `host:port` with 503 until it is closed.

    Raises `BadRequest` if the address can't be bound.
    """

    def __init__(self, host: str, port: int) -> None:
        check_free(host, port)
        self._listener = listening_socket(host, port)
        self._listener.settimeout(0.2)
        self._closing = threading.Event()
        self._callers = threading.Semaphore(MOST_CALLERS)
        self._thread = threading.Thread(target=self._serve, name="waiting-room", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the port to the server. Twice does no harm."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._thread.join()
        self._listener.close()
        # Whoever came before is still answered.
        for _ in range(MOST_CALLERS):
            self._callers.acquire(timeout=HEAD_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                # Out of files, or the client has gone: the next may fare better.
                self._closing.wait(0.05)
                continue
            self._callers.acquire()
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        try:
            with client:
                _answer(client)
        finally:
            self._callers.release()


def check_free(host: str, port: int) -> None:
    """Raises `BadRequest` if that address can't be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise BadRequest(f"port: {port} is in use on {host}; choose another") from None
            # Not by the number: that of a name which can't be found is none of the system's.
            why = error.strerror or str(error)
            raise BadRequest(f"host: {host}:{port} can't be bound: {why}") from None


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens there and lets HAProxy listen too. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind((host, port))
        found.listen(BACKLOG)
    except OSError:
        found.close()
        raise
    return found


def _answer(client: socket.socket) -> None:
    client.settimeout(HEAD_S)
    head = b""
    try:
        while b"\r\n\r\n" not in head and len(head) < MOST_HEAD_BYTES:
            if not (piece := client.recv(4096)):
                return
            head += piece
        words = head.partition(b"\r\n")[0].split(b" ")
        path = words[1].partition(b"?")[0].decode("latin-1") if len(words) > 2 else "/"
        client.sendall(answer_for(path))
        client.shutdown(socket.SHUT_WR)
        # What is still unread would turn our end into a reset, and the answer would be lost.
        while client.recv(65536):
            pass
    except OSError:
        return
