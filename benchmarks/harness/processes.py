"""Processes of a benchmark: run to their end, and what they and their descendants used."""

from __future__ import annotations

import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psutil

from benchmarks.harness.runs import Sample


def run_process(command: Sequence[str], **popen: Any) -> Sample:
    """Run a command to its end; its CPU time is that of itself and of the children it waited for.

    Raises `RuntimeError` with the end of its output if it fails.
    """
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **popen
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        text = output.decode(errors="replace")[-2000:]
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {text}")
    return Sample(wall, usage.ru_utime + usage.ru_stime)


def family(pid: int | None = None) -> Iterator[psutil.Process]:
    """A process (this one) and all its descendants."""
    root = psutil.Process(pid)
    yield root
    yield from root.children(recursive=True)


def cpu_s() -> float:
    """User and system time so far of this process and all its descendants, ended ones included
    once their parent has waited for them."""
    total = 0.0
    for process in family():
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_mb(pid: int, role_of: Callable[[str], str]) -> dict[str, float]:
    """Memory that a process and its descendants hold, by the role that their command line shows;
    what they share counts once (PSS)."""
    roles: dict[str, float] = defaultdict(float)
    for process in family(pid):
        try:
            command = " ".join(process.cmdline())
            roles[role_of(command)] += process.memory_full_info().pss / 2**20
        except psutil.NoSuchProcess:
            continue
    return roles
