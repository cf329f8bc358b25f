"""What a benchmark tells: tables and targets on screen, and the same as JSON."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.harness.machine import machine, versions
from benchmarks.harness.noise import NoiseMeter
from benchmarks.harness.statistics import Spread
from benchmarks.harness.verdicts import Target, Verdict

RESULTS = Path(__file__).parents[1] / "results"
_COLOURS = {Verdict.MET: "green", Verdict.MISSED: "red"}


def arguments(doc: str | None, **extra: dict[str, Any]) -> argparse.Namespace:
    """The command line: `--quick`, and `extra` options by name with `add_argument`'s keywords."""
    parser = argparse.ArgumentParser(description=(doc or "").strip().splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    for name, keywords in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **keywords)
    return parser.parse_args()


class Report:
    """Collects tables, figures and targets; `finish` prints and saves them."""

    def __init__(self, name: str, *, quick: bool) -> None:
        self.name = name
        self.quick = quick
        self.meter = NoiseMeter()
        self._console = Console(width=max(120, Console().width))
        self._figures: dict[str, Any] = {}
        self._targets: list[Target] = []
        self._notes: list[str] = []
        here = machine()
        self._console.print(
            f"[bold]{name}[/bold]{' (quick)' if quick else ''}: {here['cpu']}, "
            f"{here['cores']} cores, {here['memory_gb']} GB, Python {here['python']}"
        )
        self.meter.listen()

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table; the first column is text, the others are aligned right."""
        table = Table(title=title, title_justify="left", title_style="bold")
        for index, column in enumerate(columns):
            table.add_column(column, justify="left" if index == 0 else "right")
        for row in rows:
            table.add_row(*(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row))
        self._console.print(table)

    def figure(self, name: str, value: Any) -> None:
        """Keep a figure for the JSON file."""
        self._figures[name] = value

    def at_most(self, name: str, runs: Spread, limit: float, **target: Any) -> None:
        """A figure that should not exceed `limit`; `target`: further fields of `Target`."""
        self._targets.append(Target(name, runs, limit, at_most=True, **target))

    def at_least(self, name: str, runs: Spread, limit: float, **target: Any) -> None:
        """A figure that should reach `limit`; `target`: further fields of `Target`."""
        self._targets.append(Target(name, runs, limit, at_most=False, **target))

    def note(self, text: str) -> None:
        """Something a reader of the figures must know."""
        self._notes.append(text)

    def finish(self) -> Path:
        """Print the targets, write `benchmarks/results/<name>.json`; returns its path."""
        noise = self.meter.noise()
        if self._targets:
            rows = []
            for target in self._targets:
                verdict = target.verdict(noisy=noise.noisy)
                colour = _COLOURS.get(verdict, "yellow")
                measured = f"{target.runs.text()} {target.unit}".strip()
                rows.append((target.name, measured, target.wanted, f"[{colour}]{verdict}[/]"))
            self.table("Targets: median (min - max)", ("figure", "measured", "wanted", "met"), rows)
        for note in [*self._notes, noise.text]:
            self._console.print(f"- {note}", highlight=False)
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        told = json.dumps(self._as_dict(), indent=2, default=_plain)
        path.write_text(told + "\n", encoding="utf-8")
        self._console.print(f"written: {path.relative_to(Path.cwd(), walk_up=True)}")
        return path

    def _as_dict(self) -> dict[str, Any]:
        noise = self.meter.noise()
        return {
            "name": self.name,
            "quick": self.quick,
            "when": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "noise": {"share_of_others": noise.share, "noisy": noise.noisy},
            "versions": versions(),
            "figures": self._figures,
            "targets": [
                {
                    "name": target.name,
                    "measured": target.runs,
                    "wanted": target.wanted,
                    "verdict": target.verdict(noisy=noise.noisy).name.lower(),
                }
                for target in self._targets
            ],
            "notes": self._notes,
        }


def _plain(value: object) -> object:
    if isinstance(value, Spread):
        return value.as_dict()
    raise TypeError(f"{value!r} has no form in JSON")
