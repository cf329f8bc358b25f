"""The end of what Ray leaves behind: no process outlives its cluster.

When the process that started it is killed, or ended by Ray as its GCS is gone, most of Ray's
processes die with it, but HAProxy keeps the port, and two agents first try for a minute to tell the
dead head of the death of the raylet; `Reaper` ends them at once. When all processes get a signal
together (`timeout`, systemd), the actor that owns HAProxy may be gone before it has ended HAProxy;
`end_left` does it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
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


# The shell's own environment names the folder too.
_REAP = """read _
kill -9 "$@" 2>/dev/null
for process in /proc/[0-9]*; do
  [ "${process#/proc/}" = $$ ] && continue
  grep -qaF "$REELYARD_REAPED" "$process/cmdline" "$process/environ" 2>/dev/null &&
    kill -9 "${process#/proc/}"
done
"""


class Reaper:
    """A shell that waits for this process's death, however it comes, and then kills others."""

    def __init__(self, folder: Path, pids: Sequence[int] = ()) -> None:
        """It kills the processes `pids`, and all that have a path in `folder`, the run's own, in
        their arguments or their environment."""
        # Its input ends when this process does. In a session of its own, Ctrl-C does not end it.
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _REAP, "reelyard-reaper", *map(str, pids)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "REELYARD_REAPED": f"{folder}/"},
        )

    @classmethod
    def of_run(cls, folder: Path) -> Reaper:
        """For the Ray node that this process has started with the run folder `folder`."""
        children = psutil.Process().children(recursive=True)
        return cls(folder, [child.pid for child in children if _is_agent(child)])

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
