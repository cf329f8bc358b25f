"""All calls on all files, run by a cluster of their own through the Python client."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from reelyard import Client, JobView
from reelyard.errors import TimedOut
from tests.corpus.calls import ALL, Call, calls_for
from tests.corpus.manifest import Entry
from tests.corpus.verdicts import Ended

SINK_PORT = 18999
"""Where hostile files of the folder want their reader to connect to, on loopback."""

type Pair = tuple[Entry, Call]


def run_all(
    client: Client,
    folder: Path,
    entries: Iterable[Entry],
    *,
    limit_s: float,
    tell: Callable[[int, int], object] = lambda done, of: None,
) -> dict[Pair, Ended]:
    """How each call on each entry ended; those that had not after `limit_s` are "running".

    `tell` is called with the number of jobs that have ended, and of all.
    """
    listed = list(entries)
    jobs: dict[str, Pair] = {}
    ended: dict[Pair, Ended] = {}
    for call in ALL:
        wanted = [entry for entry in listed if call in calls_for(entry)]
        paths = [folder / entry.path for entry in wanted]
        if not paths:
            continue
        submitted = client.submit_many(call.operation, paths, params=call.params)
        for entry, job in zip(wanted, submitted, strict=True):
            if job.refused:
                ended[entry, call] = ended_as(job)
            else:
                jobs[job.job_id] = entry, call
                ended[entry, call] = Ended("running")
    try:
        for number, job in enumerate(client.as_completed(list(jobs), timeout_s=limit_s), 1):
            ended[jobs[job.job_id]] = ended_as(client.get(job))
            tell(number, len(jobs))
    except TimedOut:
        pass
    return ended


def ended_as(job: JobView) -> Ended:
    """What the verdict looks at of a job."""
    output = job.outputs[0] if job.outputs else None
    return Ended(
        state=job.state.value,
        code=job.error.code if job.error else None,
        message=job.error.message if job.error else "",
        data=job.result_data or {},
        output={**output.facts, "bytes": output.size} if output else {},
        seconds=_seconds(job.started_at, job.completed_at),
    )


def _seconds(begin: str | None, end: str | None) -> float:
    if begin is None or end is None:
        return 0.0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


@dataclass
class Sink:
    """A listener for the readers of hostile files."""

    connections: int = 0
    watched: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)

    def listen(self, server: socket.socket) -> None:
        """Count connections until told to stop."""
        server.settimeout(0.2)
        while not self._stop.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            connection.close()
            self.connections += 1

    def stop(self) -> None:
        """End `listen`."""
        self._stop.set()


@contextmanager
def sink(port: int = SINK_PORT) -> Iterator[Sink]:
    """A sink on loopback; nobody watches where another program has the port."""
    found = Sink()
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            yield found
            return
        server.listen()
        found.watched = True
        thread = threading.Thread(target=found.listen, args=(server,))
        thread.start()
        try:
            yield found
        finally:
            found.stop()
            thread.join()
