"""The end of what Ray leaves behind: no process outlives its cluster.

When the process that started it is killed, most of Ray's processes die with it. Its two agents
first try for a minute to tell the dead head of the death of the raylet; `Reaper` ends them at once.
When all processes get a signal together (`timeout`, systemd), the actor that owns HAProxy may be
gone before it has ended HAProxy; `end_left` does it.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import psutil

AGENTS = (
    "ray::DashboardAgent",
    "ray::RuntimeEnvAgent",
    # Before they have set their titles.
    "dashboard/agent.py",
    "runtime_env/agent/main.py",
)


class Reaper:
    """A shell that waits for this process's death, however it comes, and then kills others."""

    def __init__(self, pids: list[int]) -> None:
        # Its input ends when this process does. In a session of its own, Ctrl-C does not end it.
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", 'read _; kill -9 "$@" 2>/dev/null', "reelyard-reaper"]
            + [str(pid) for pid in pids],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @classmethod
    def of_agents(cls) -> Reaper:
        """For the agents of the Ray node that this process has started."""
        children = psutil.Process().children(recursive=True)
        return cls([child.pid for child in children if _is_agent(child)])

    def dismiss(self) -> None:
        """End the shell; nobody is killed."""
        self._shell.kill()
        self._shell.communicate()


def _is_agent(process: psutil.Process) -> bool:
    try:
        command = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return any(name in command for name in AGENTS)


def end_left(folder: Path) -> list[int]:
    """Kill every process that names a path in `folder`, the run's own; their pids."""
    left = [process for process in psutil.process_iter(["cmdline"]) if _names(process, folder)]
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=5)
    return [process.pid for process in left]


def _names(process: psutil.Process, folder: Path) -> bool:
    return any(f"{folder}/" in argument for argument in process.info["cmdline"] or ())
