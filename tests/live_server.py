"""A real server in a process of its own, as `reelyard up` starts it, for tests over HTTP."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import requests

from reelyard.cluster.runtime.ray_env import free_ports

START_S = 600
PATHS = ("/v1/usage", "/media/jobs", "/api/media/limits", "/jobs", "/livez")
"""One of each dialect, and one that nobody needs a key for."""
_REELYARD = str(Path(sys.executable).with_name("reelyard"))


@dataclass(frozen=True)
class Answered:
    """What somebody was answered; status 0: the connection was refused or cut."""

    path: str
    status: int
    retry_after: str | None = None
    body: str = ""


@dataclass
class LiveServer:
    """A running server: where it is, and how its command line is called."""

    url: str
    data_dir: Path
    env: dict[str, str] = field(repr=False)
    facts: dict[str, str] = field(repr=False)
    """What `reelyard up --json` printed."""
    process: subprocess.Popen[str] = field(repr=False)
    """`reelyard up`."""
    start_answers: list[Answered] = field(default_factory=list, repr=False)
    """What callers were answered while it started, where that was watched."""

    def cli(self, *args: str) -> Any:
        """What `reelyard <args> --json` prints."""
        done = subprocess.run(
            [_REELYARD, *args, "--json"],
            check=False,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def family(self) -> list[psutil.Process]:
        """All processes of the server but the one that was started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def actor(self, name: str) -> psutil.Process:
        """The process of an actor whose title begins with `name`."""
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                if (command := process.cmdline()) and command[0].startswith(name):
                    return process
        raise AssertionError(f"there is no {name}")

    def create_key(self, name: str, tenant: str) -> dict[str, Any]:
        """A fresh API key: `key`, `key_id`, `name`, `tenant`."""
        made: dict[str, Any] = self.cli("keys", "create", name, "--tenant", tenant)
        return made


@contextmanager
def live_server(
    data_dir: Path, settings: Mapping[str, str] | None = None, *, watched: bool = False
) -> Iterator[LiveServer]:
    """`reelyard up` on a free port, `settings` as REELYARD_* variables; no dashboard and
    no second replica unasked.

    `watched`: callers knock from the first moment on, at a port that they know.
    """
    port = free_ports(1)[0] if watched else 0
    chosen = {"dashboard": "no", "api_replicas": "1"} | dict(settings or {})
    given = {f"REELYARD_{name.upper()}": value for name, value in chosen.items()}
    env = os.environ | {"REELYARD_DATA_DIR": str(data_dir), "REELYARD_LOG_LEVEL": "warning"} | given
    log = data_dir.parent / f"{data_dir.name}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [_REELYARD, "up", "--port", str(port), "--json"],
            env=env,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        with _knocking(port) as answers:
            facts = _read_facts(process, log)
        yield LiveServer(facts["url"], data_dir, env, facts, process, answers)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def _knocking(port: int) -> Iterator[list[Answered]]:
    """What callers are answered within, by path in turn; none call at port 0."""
    answers: list[Answered] = []
    ended = threading.Event()
    paths = itertools.cycle(PATHS)

    def knock() -> None:
        while port and not ended.wait(0.05):
            path = next(paths)
            try:
                found = requests.get(f"http://127.0.0.1:{port}{path}", timeout=60)
            except requests.RequestException:
                answers.append(Answered(path, 0))
            else:
                told = found.headers.get("retry-after")
                answers.append(Answered(path, found.status_code, told, found.text))

    thread = threading.Thread(target=knock)
    thread.start()
    try:
        yield answers
    finally:
        ended.set()
        thread.join()


def _read_facts(process: subprocess.Popen[str], log: Path) -> dict[str, str]:
    assert process.stdout is not None
    alarm = threading.Timer(START_S, process.kill)
    alarm.start()
    text = ""
    try:
        for line in process.stdout:
            text += line
            if line.rstrip() == "}":
                facts: dict[str, str] = json.loads(text)
                return facts
    finally:
        alarm.cancel()
    raise AssertionError(f"the server did not start:\n{text}\n{log.read_text()[-4000:]}")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def file_host(folder: Path) -> Iterator[str]:
    """The URL of a loopback HTTP server for the files in `folder`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
