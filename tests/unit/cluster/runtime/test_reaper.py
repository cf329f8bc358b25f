"""What a cluster leaves behind is ended."""

import os
import signal
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


def test_what_names_the_folder_ends_with_the_process_that_set_the_reaper(tmp_path: Path) -> None:
    folder, other = tmp_path / "run-1", tmp_path / "run-12"
    by_argument = subprocess.Popen([*SLEEP, f"--config={folder}/haproxy.cfg"])
    by_environment = subprocess.Popen(SLEEP, env=os.environ | {"SOCKET": f"{folder}/s"})
    by_number = subprocess.Popen(SLEEP)
    none_of_it = subprocess.Popen([*SLEEP, f"--config={other}/haproxy.cfg"])
    everybody = (by_argument, by_environment, by_number, none_of_it)
    program = (
        "import os, sys; from pathlib import Path; "
        "from reelyard.cluster.runtime.reaper import Reaper; "
        "Reaper(Path(sys.argv[1]), [int(sys.argv[2])]); os._exit(9)"
    )
    try:
        words = [sys.executable, "-c", program, str(folder), str(by_number.pid)]
        assert subprocess.run(words, check=False).returncode == 9
        for process in (by_argument, by_environment, by_number):
            assert process.wait(60) == -signal.SIGKILL
        assert none_of_it.poll() is None
    finally:
        for process in everybody:
            process.kill()
            process.wait()
