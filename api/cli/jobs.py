"""`reelyard jobs`, `show`, `cancel`, `retry`, `wait`: jobs that are there already."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.live import Live

from reelyard.actors.jobs.model import State
from reelyard.actors.jobs.traceback_visibility import TRACEBACK
from reelyard.api.cli.output import (
    Exit,
    command,
    console,
    errors,
    jobs_exit_code,
    jobs_table,
    print_json,
    refusals_exit_code,
)
from reelyard.api.cli.run import follow
from reelyard.api.cli.session import from_cluster_or_store, running_cluster
from reelyard.api.client.progress_bars import shown_source
from reelyard.api.client.results_view import human_bytes, results_view, state_text, summary
from reelyard.api.client.sync_client import Client
from reelyard.api.client.terminal_text import escape
from reelyard.api.client.views import JobView
from reelyard.cluster.errors import ReelyardError
from reelyard.cluster.readable_text import printable
from reelyard.cluster.settings import Settings

JobIds = Annotated[list[str], typer.Argument(help="ids of jobs")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]

WATCH_S = 1.0


@command
def jobs(
    state: Annotated[State | None, typer.Option(help="only those in this state")] = None,
    operation: Annotated[str | None, typer.Option(help="only this operation")] = None,
    limit: Annotated[int, typer.Option(min=1, help="how many at most")] = 20,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="show again each second, on a terminal")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """List jobs, newest first. Where no cluster runs, those in the store."""

    def read(client: Client) -> int:
        if watch and console.is_terminal and not as_json:
            return _watch(client, state, operation, limit)
        found = list(client.jobs(state=state, operation=operation, limit=limit))
        if as_json:
            print_json({"jobs": found})
        elif found:
            console.print(jobs_table(found))
        else:
            errors.print("no jobs")
        return Exit.OK

    return from_cluster_or_store(Settings(), read)


def _watch(client: Client, state: State | None, operation: str | None, limit: int) -> int:
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            found = list(client.jobs(state=state, operation=operation, limit=limit))
            live.update(jobs_table(found))
            time.sleep(WATCH_S)


@command
def show(
    job_id: Annotated[str, typer.Argument(help="id of a job")], as_json: AsJson = False
) -> int:
    """Everything about one job. Where no cluster runs, as the store has it."""
    job = from_cluster_or_store(Settings(), lambda client: client.get(job_id))
    if as_json:
        print_json(job)
        return Exit.OK
    console.print(f"[bold]{job.job_id}[/]  {job.operation}  {state_text(job)}")
    for line in details_of(job):
        console.print(printable(line), markup=False)
    return Exit.OK


def details_of(job: JobView) -> list[str]:
    """What `show` says of a job, line by line, below its name."""
    rows = {
        "input": shown_source(job.source_url),
        "parameters": summary(job.parameters),
        "progress": f"{job.progress:.0f}%  {job.phase or ''}",
        "waits for": job.waiting_for or "",
        "created": job.created_at,
        "started": job.started_at or "",
        "finished": job.completed_at or "",
        "result": summary(job.result_data or {}),
        "error": f"{job.error.code}: {job.error.message}" if job.error else "",
    }
    lines = [f"  {name:<11}{value}" for name, value in rows.items() if value.strip()]
    lines += [
        f"  output     {shown_source(output.url)}  {human_bytes(output.size)}"
        for output in job.outputs
    ]
    traceback = job.error.details.get(TRACEBACK) if job.error else None
    return lines if traceback is None else [*lines, "", *traceback.rstrip().splitlines()]


@command
def cancel(job_ids: JobIds, as_json: AsJson = False) -> int:
    """Cancel jobs; running ones stop within seconds."""
    with running_cluster(Settings()) as client:
        return _report(client.cancel_many(job_ids), as_json=as_json)


@command
def retry(job_ids: JobIds, as_json: AsJson = False) -> int:
    """Run failed jobs again, under their old ids."""
    with running_cluster(Settings()) as client:
        answers: dict[str, JobView | ReelyardError] = {}
        for job_id in job_ids:
            try:
                answers[job_id] = client.retry(job_id)
            except ReelyardError as error:
                answers[job_id] = error
        return _report(answers, as_json=as_json)


def _report(answers: dict[str, JobView | ReelyardError], *, as_json: bool) -> int:
    refused = {key: item for key, item in answers.items() if isinstance(item, ReelyardError)}
    done = [item for item in answers.values() if isinstance(item, JobView)]
    if as_json:
        print_json(
            {"jobs": done, "refused": {key: item.as_dict() for key, item in refused.items()}}
        )
    else:
        if done:
            console.print(jobs_table(done))
        for job_id, error in refused.items():
            errors.print(f"[red]{escape(job_id)}[/] ({error.code}): {escape(error.message)}")
    return refusals_exit_code(refused.values()) if refused else Exit.OK


@command
def wait(job_ids: JobIds, as_json: AsJson = False) -> int:
    """Wait until jobs have ended; the exit code tells how."""
    with running_cluster(Settings()) as client:
        ended = follow(client, [client.get(job_id) for job_id in job_ids], quiet=as_json)
    if as_json:
        print_json({"jobs": ended})
    else:
        console.print(results_view(ended))
    return jobs_exit_code(ended)
