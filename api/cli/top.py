"""`reelyard top`: the cluster, live."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from reelyard.actors.jobs.model import State
from reelyard.api.cli.output import Exit, command, console, health_text, print_json
from reelyard.api.cli.session import running_cluster
from reelyard.api.client.progress_bars import clock, job_label
from reelyard.api.client.terminal_text import escape
from reelyard.api.client.views import JobView
from reelyard.cluster.settings import Settings

BAR_WIDTH = 14
#: running jobs that are shown: with pools and counts they fit on 24 lines
MOST_ROWS = 12


@command
def top(
    interval_s: Annotated[float, typer.Option("--interval", min=0.2, help="seconds")] = 1.0,
    once: Annotated[
        bool, typer.Option("--once", help="show it once, as where there is no terminal")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one snapshot as JSON")] = False,
) -> int:
    """Pools, queues, running jobs with their progress, and throughput; Ctrl-C ends it."""
    with running_cluster(Settings()) as client:
        if as_json:
            print_json(client.overview())
            return Exit.OK
        if once or not console.is_terminal:
            console.print(view(client.overview(), _running(client)))
            return Exit.OK
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(view(client.overview(), _running(client)), refresh=True)
                time.sleep(interval_s)


def _running(client: Any) -> list[JobView]:
    return list(client.jobs(state=State.RUNNING.value, limit=30))


def view(overview: dict[str, Any], running: list[JobView]) -> RenderableType:
    """The whole screen."""
    counts = "  ".join(f"{state} [bold]{count}[/]" for state, count in overview["jobs"].items())
    head = (
        f"[bold]reelyard[/]  up {clock(overview['uptime_s'])}  "
        f"finished {overview['finished_per_s']:.1f}/s  "
        f"lease expiries {overview['lease_expiries']}\n{counts or 'no jobs'}"
    )
    if overview["health"]["status"] != "ok":
        head += f"\n{health_text(overview['health'])}"
    return Group(head, "", _pools(overview["pools"]), "", _jobs(running))


def _pools(pools: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("pool", "workers", "running", "queued", "oldest", "backlog"):
        table.add_column(column, justify="left" if column == "pool" else "right")
    for pool in pools:
        table.add_row(
            f"{pool['name']} (paused)" if pool["paused"] else pool["name"],
            str(len(pool["workers"])),
            str(pool["running"]),
            str(pool["queued"]),
            clock(pool["oldest_queued_s"]),
            clock(pool["backlog_s"]),
        )
    return table


def _jobs(running: list[JobView]) -> Table:
    table = Table(box=None, pad_edge=False, expand=True)
    # Only what a job is called is cut short, so that the rest stays readable at 80 columns.
    table.add_column("running job", no_wrap=True, overflow="ellipsis", ratio=1)
    for column, width in (("", BAR_WIDTH), ("", 4), ("phase", 7), ("speed", 6), ("eta", 7)):
        table.add_column(column, no_wrap=True, width=width)
    for job in running[:MOST_ROWS]:
        table.add_row(
            escape(job_label(job)),
            ProgressBar(total=100, completed=job.progress, width=BAR_WIDTH),
            f"{job.progress:.0f}%",
            job.phase or "",
            f"{job.speed:.1f}x" if job.speed else "",
            clock(job.eta_s) if job.eta_s is not None else "",
        )
    if len(running) > MOST_ROWS:
        table.add_row(f"[dim]and {len(running) - MOST_ROWS} more[/]", "", "", "", "", "")
    if not running:
        table.add_row("[dim]nothing runs[/]", "", "", "", "", "")
    return table
