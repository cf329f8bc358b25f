"""Limits that a codec process puts on itself before it touches any media."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
MAX_OPEN_FILES = 256


def die_with_parent(parent_pid: int) -> None:
    """Be killed when the thread that started this process ends; at once if it has already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def apply_limits(memory_bytes: int, file_bytes: int) -> None:
    """No core files, no new privileges, few open files, bounded memory (bytes of address space)
    and file size (bytes). A limit that is lower already stays."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
    _lower(resource.RLIMIT_AS, memory_bytes)
    _lower(resource.RLIMIT_FSIZE, file_bytes)
    # Without this, the first byte over the file limit would kill the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def allow_cpu(seconds: float) -> None:
    """Let this process use `seconds` more CPU time; then the kernel ends it with SIGXCPU.

    The limit counts from the process's start, so it is moved on before each task.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(usage.ru_utime + usage.ru_stime + seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
