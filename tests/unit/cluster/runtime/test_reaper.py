"""What a cluster leaves behind is ended."""

import subprocess
import sys
from pathlib import Path

import psutil

from reelyard.cluster.runtime.reaper import end_left

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_processes_that_name_the_folder_of_the_run_are_ended_and_no_others(tmp_path: Path) -> None:
    mine = subprocess.Popen([*SLEEP, f"--config={tmp_path / 'run-1' / 'haproxy.cfg'}"])
    other = subprocess.Popen([*SLEEP, f"--config={tmp_path / 'run-12' / 'haproxy.cfg'}"])
    try:
        assert end_left(tmp_path / "run-1") == [mine.pid]
        assert not psutil.pid_exists(mine.pid)
        assert other.poll() is None
    finally:
        for process in (mine, other):
            process.kill()
            process.wait()


def test_nothing_left_is_no_error(tmp_path: Path) -> None:
    assert end_left(tmp_path) == []
