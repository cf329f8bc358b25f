"""Clients over HTTP: each takes one job from its submission to its end, and notes every answer."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from benchmarks.fault_run.facts import Answer, ClientLog
from benchmarks.fault_run.schedule import PlannedJob, Sending
from benchmarks.fault_run.sources import body_of
from reelyard.actors.jobs.model import State

PATIENCE_S = 40.0
"""How long a client waits for one answer; more than any long poll."""
POLL_S = 5
AGAIN_S = 0.25
"""Between two tries of a request that was not answered."""
ENDED_S = 300.0
"""A client gives up once a request was not answered, or a job has not ended, for so long."""
ERROR_FIELD = {"/v1": "detail", "/media": "instance", "/api/media": "error", "/jobs": "message"}
"""What an error of each dialect has."""
ERROR_MEDIA = ("application/json", "application/problem+json")


@dataclass(frozen=True)
class Reply:
    """An answer with its body."""

    answer: Answer
    body: Any = None


@dataclass
class Wire:
    """Requests to one server, each noted."""

    url: str
    clock_s: Callable[[], float]
    answers: list[Answer] = field(default_factory=list)

    def ask(
        self,
        http: httpx2.Client,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        allowed: frozenset[int] = frozenset(),
    ) -> Reply:
        """One request; raises nothing of the network. `allowed`: refusals that are right."""
        began, status, retry_after, found, formed = self.clock_s(), 0, None, None, True
        try:
            reply = http.request(method, self.url + path, json=body, headers=dict(headers or {}))
            status, retry_after = reply.status_code, reply.headers.get("retry-after")
            found = _json(reply)
            formed = has_the_form_of_its_dialect(reply, path) if status >= 400 else bool(found)
        except httpx2.TimeoutException:
            status = -1
        except httpx2.HTTPError:
            status = 0
        ended = self.clock_s()
        answer = Answer(began, ended, method, path, status, retry_after, formed, allowed)
        self.answers.append(answer)
        return Reply(answer, found)


def has_the_form_of_its_dialect(reply: httpx2.Response, path: str) -> bool:
    """Whether an error is told as the API that `path` belongs to tells errors."""
    wanted = next((name for start, name in ERROR_FIELD.items() if path.startswith(start)), "code")
    media = reply.headers.get("content-type", "").partition(";")[0]
    body = _json(reply)
    return media in ERROR_MEDIA and isinstance(body, dict) and wanted in body


def _json(reply: httpx2.Response) -> Any:
    try:
        return reply.json()
    except ValueError:
        return None


class Crowd:
    """Clients of all tenants, each job's in a thread of its own."""

    def __init__(self, wire: Wire, keys: Mapping[str, str], sources: str, seed: int) -> None:
        self.logs: list[ClientLog] = []
        self._wire, self._keys, self._sources, self._seed = wire, keys, sources, seed
        self._pool = ThreadPoolExecutor(24, thread_name_prefix="client")
        self._accepted = threading.Condition()
        self._count = 0

    def send(self, job: PlannedJob) -> Future[ClientLog]:
        """Begin with a job; its log is complete once the future is done."""
        log = ClientLog(job)
        self.logs.append(log)
        return self._pool.submit(self._live, log)

    def wait_for(self, accepted: int, timeout_s: float) -> None:
        """Until so many jobs in all were accepted, or for that long."""
        with self._accepted:
            self._accepted.wait_for(lambda: self._count >= accepted, timeout_s)

    @property
    def accepted(self) -> int:
        """Jobs that were accepted until now."""
        return self._count

    def close(self) -> None:
        """Wait for all clients."""
        self._pool.shutdown()

    def _live(self, log: ClientLog) -> ClientLog:
        headers = {"Authorization": f"Bearer {self._keys[log.job.tenant]}"}
        with httpx2.Client(timeout=PATIENCE_S, headers=headers) as http:
            self._submit(http, log)
            with self._accepted:
                self._count += 1
                self._accepted.notify_all()
            if log.ids:
                if log.job.cancel_after_s is not None:
                    time.sleep(log.job.cancel_after_s)
                    self._cancel(http, log)
                self._follow(http, log)
        return log

    def _submit(self, http: httpx2.Client, log: ClientLog) -> None:
        job = log.job
        body = body_of(job, self._sources)
        headers = {"Idempotency-Key": f"run-{self._seed}-{job.number}"}
        if job.sending is Sending.HANGING_UP:
            self._hang_up(job, body, headers)
        if job.sending is Sending.AT_ONCE:
            with ThreadPoolExecutor(1) as second:
                also = second.submit(self._post, http, log, body, headers)
                self._post(http, log, body, headers)
                also.result()
            return
        self._post(http, log, body, headers)
        if job.sending is Sending.TWICE:
            self._post(http, log, body, headers)

    def _post(
        self,
        http: httpx2.Client,
        log: ClientLog,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> None:
        """Submit until somebody says yes."""
        end = time.monotonic() + ENDED_S
        while time.monotonic() < end:
            # 409: the same request is under way.
            reply = self._wire.ask(
                http, "POST", "/v1/jobs", body=body, headers=headers, allowed=frozenset({409})
            )
            if 200 <= reply.answer.status < 300:
                log.ids.append(reply.body["job_id"])
                return
            if 400 <= reply.answer.status < 500 and reply.answer.status != 409:
                log.given_up = f"{reply.answer.status}: {reply.body}"
                return
            time.sleep(AGAIN_S)
        log.given_up = f"not accepted in {ENDED_S:.0f} s"

    def _hang_up(
        self, job: PlannedJob, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> None:
        """Send the request, and leave before the answer."""
        told = json.dumps(body).encode()
        place = urlsplit(self._wire.url)
        lines = [
            "POST /v1/jobs HTTP/1.1",
            f"Host: {place.netloc}",
            f"Authorization: Bearer {self._keys[job.tenant]}",
            "Content-Type: application/json",
            f"Content-Length: {len(told)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        try:
            with socket.create_connection((place.hostname or "", place.port or 80), 5) as client:
                client.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + told)
        except OSError:
            return  # nobody listens at the moment

    def _cancel(self, http: httpx2.Client, log: ClientLog) -> None:
        path = f"/v1/jobs/{log.ids[0]}/cancel"
        end = time.monotonic() + ENDED_S
        while time.monotonic() < end:
            reply = self._wire.ask(http, "POST", path, allowed=frozenset({409}))
            if 200 <= reply.answer.status < 300 or reply.answer.status == 409:
                log.cancelled = reply.answer.status != 409
                return
            time.sleep(AGAIN_S)

    def _follow(self, http: httpx2.Client, log: ClientLog) -> None:
        path = f"/v1/jobs/{log.ids[0]}?wait={POLL_S}"
        end = time.monotonic() + ENDED_S
        while time.monotonic() < end:
            reply = self._wire.ask(http, "GET", path)
            if reply.answer.status != 200:
                time.sleep(AGAIN_S)
                continue
            state = reply.body["state"]
            if not log.states or log.states[-1] != state:
                log.states.append(state)
            if State(state).terminal:
                log.ended_s = reply.answer.ended_s
                return
        log.given_up = f"not ended in {ENDED_S:.0f} s; last {log.states[-1:]}"


class Knockers:
    """Clients that ask for something light all the time, one after the other in each dialect, each
    time over a new connection: they see when HTTP is gone."""

    PATHS = ("/v1/usage", "/media/jobs", "/api/media/limits", "/jobs")
    EVERY_S = 0.1

    def __init__(self, wire: Wire, key: str) -> None:
        self._wire, self._key = wire, key
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._knock, args=(path,), daemon=True) for path in self.PATHS
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _knock(self, path: str) -> None:
        headers = {"Authorization": f"Bearer {self._key}", "x-api-key": self._key}
        limits = httpx2.Limits(max_keepalive_connections=0)
        with httpx2.Client(timeout=PATIENCE_S, headers=headers, limits=limits) as http:
            while not self._over.wait(self.EVERY_S):
                self._wire.ask(http, "GET", path)
